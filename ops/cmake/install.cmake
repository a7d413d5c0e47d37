# cmake --install: what a project outside this tree builds against and runs.
#
#   bin/bus                     the command
#   libexec/troupe/             the programs: bus itself, supervisor, edge, saga,
#                               tables and schemac; those beside it are what bus starts
#   include/troupe/             headers, under the names that code includes
#   lib/libtroupe_*.a
#   lib/cmake/troupe/           find_package(troupe): the libraries as
#                               troupe::NAME and the function troupe_service
#
# A library that the ones below link is found again there by its pkg-config
# module or its CMake package.
include(GNUInstallDirs)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/troupe)
set(programs ${CMAKE_INSTALL_LIBEXECDIR}/troupe)

set(libraries flags base bus store events schedule runtime fixture)
list(TRANSFORM libraries PREPEND troupe_ OUTPUT_VARIABLE targets)
foreach(library IN LISTS libraries)
    set_target_properties(troupe_${library} PROPERTIES EXPORT_NAME ${library})
    add_library(troupe::${library} ALIAS troupe_${library})
endforeach()
add_executable(troupe::schemac ALIAS schemac)
install(TARGETS ${targets} EXPORT troupe
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS schemac EXPORT troupe RUNTIME DESTINATION ${programs})
install(EXPORT troupe NAMESPACE troupe:: FILE troupeTargets.cmake
    DESTINATION ${package})

foreach(program bus supervisor edge saga tables)
    install(TARGETS ${program} RUNTIME DESTINATION ${programs})
endforeach()
file(RELATIVE_PATH command /${CMAKE_INSTALL_BINDIR} /${programs}/bus)
install(CODE "
    set(folder \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")
    file(MAKE_DIRECTORY \"\${folder}\")
    file(CREATE_LINK \"${command}\" \"\${folder}/bus\" SYMBOLIC)")

foreach(folder bus actors/runtime actors/events actors/schedule actors/store)
    install(DIRECTORY ${CMAKE_SOURCE_DIR}/${folder}/
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/troupe/${folder}
        FILES_MATCHING PATTERN "*.h" PATTERN cli EXCLUDE)
endforeach()

# What the static libraries need from elsewhere.
set(found)
foreach(target IN LISTS targets)
    get_target_property(links ${target} INTERFACE_LINK_LIBRARIES)
    string(REGEX MATCHALL "PkgConfig::[A-Z0-9_]+" modules "${links}")
    foreach(module IN LISTS modules)
        string(REPLACE "PkgConfig::" "" module ${module})
        list(APPEND found "pkg_check_modules(${module} REQUIRED QUIET
    IMPORTED_TARGET ${${module}_MODULE_NAME})")
    endforeach()
    string(REGEX MATCHALL "(OpenSSL|CURL)::" packages "${links}")
    foreach(name IN LISTS packages)
        string(REPLACE "::" "" name ${name})
        list(APPEND found "find_dependency(${name})")
    endforeach()
endforeach()
list(REMOVE_DUPLICATES found)
list(JOIN found "\n" found)
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/troupeConfig.cmake @ONLY CONTENT
"# Written by ops/cmake/install.cmake.
include(CMakeFindDependencyMacro)
find_dependency(PkgConfig)
find_dependency(Threads)
@found@
include(\${CMAKE_CURRENT_LIST_DIR}/troupeTargets.cmake)
include(\${CMAKE_CURRENT_LIST_DIR}/troupe_service.cmake)
")
include(CMakePackageConfigHelpers)
write_basic_package_version_file(
    ${CMAKE_BINARY_DIR}/troupeConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/troupeConfig.cmake
    ${CMAKE_BINARY_DIR}/troupeConfigVersion.cmake
    ${CMAKE_SOURCE_DIR}/ops/cmake/troupe_service.cmake
    DESTINATION ${package})
