# Tests. troupe_tests(LIBS ... [LABEL unit]) makes one ctest of every
# *_test.c in the current folder; troupe_fuzz(NAME LIBS ...) makes one fuzz
# target of NAME_fuzz.c and one ctest that replays seeds/NAME/.
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)

# What nng races with by itself.
set(sanitizer_files
    "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/tsan.supp:history_size=4")

function(troupe_tests)
    cmake_parse_arguments(arg "" "LABEL;TIMEOUT" "LIBS" ${ARGN})
    if(NOT arg_LABEL)
        set(arg_LABEL unit)
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 120)
    endif()
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.c)
    get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
    foreach(source IN LISTS sources)
        get_filename_component(name ${source} NAME_WE)
        set(target ${folder}_${name})
        add_executable(${target} ${source})
        set_target_properties(${target} PROPERTIES
            RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
        target_link_libraries(${target} PRIVATE ${arg_LIBS} troupe_flags
            PkgConfig::CMOCKA)
        add_test(NAME ${arg_LABEL}/${folder}/${name} COMMAND ${target})
        set_tests_properties(${arg_LABEL}/${folder}/${name} PROPERTIES
            LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT}
            ENVIRONMENT "${sanitizer_files}")
    endforeach()
endfunction()

# In a tree configured with TROUPE_SANITIZE=fuzzer,... the target is libFuzzer's
# (ops/fuzz runs it); elsewhere a small main replays the files it is given.
function(troupe_fuzz name)
    cmake_parse_arguments(arg "" "" "LIBS" ${ARGN})
    set(target fuzz_${name})
    add_executable(${target} ${CMAKE_CURRENT_SOURCE_DIR}/${name}_fuzz.c)
    set_target_properties(${target} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    target_link_libraries(${target} PRIVATE ${arg_LIBS} troupe_flags)
    if(TROUPE_SANITIZE MATCHES fuzzer)
        target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    else()
        target_sources(${target} PRIVATE
            ${CMAKE_SOURCE_DIR}/tests/fuzz/replay.c)
        add_test(NAME fuzz/${name} COMMAND ${target}
            ${CMAKE_SOURCE_DIR}/tests/fuzz/seeds/${name})
        set_tests_properties(fuzz/${name} PROPERTIES LABELS fuzz TIMEOUT 120)
    endif()
endfunction()
