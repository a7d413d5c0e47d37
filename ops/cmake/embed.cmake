# cmake -D FOLDER=... -D OUTPUT=... -P embed.cmake: the files below a folder as
# the table new_files of bus/cli/new.h. A suffix .in is left off (it keeps other
# tools from taking a template for what it becomes), gitignore gets its dot.
file(GLOB_RECURSE files RELATIVE ${FOLDER} ${FOLDER}/*)
list(SORT files)
set(texts)
set(table)
set(index 0)
foreach(file IN LISTS files)
    file(READ ${FOLDER}/${file} bytes HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
    string(REGEX REPLACE "\\.in$" "" path ${file})
    string(REGEX REPLACE "^gitignore$" ".gitignore" path ${path})
    string(APPEND texts
        "static const unsigned char text_${index}[] = {${bytes}0};\n")
    string(APPEND table
        "    {\"${path}\", (const char *)text_${index}},\n")
    math(EXPR index "${index} + 1")
endforeach()
file(WRITE ${OUTPUT} "/* Written by ops/cmake/embed.cmake. */
#include \"bus/cli/new.h\"

#include <stddef.h>

${texts}
const struct new_file new_files[] = {
${table}    {NULL, NULL}};
")
