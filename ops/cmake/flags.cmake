# Warnings, hardening and sanitizers: every target of ours links
# troupe_flags; third-party sources compiled here do not.
add_library(troupe_flags INTERFACE)
# What is installed passes none of it on, but sanitizers, which a program has
# as a whole or not at all.
set(ours
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
    -Wcast-qual -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wundef
    -Wvla -Wwrite-strings -Wswitch-enum -Wnull-dereference -Wpointer-arith
    -Wimplicit-fallthrough -Wdouble-promotion -fno-common
    $<$<BOOL:${TROUPE_WERROR}>:-Werror>
    $<$<C_COMPILER_ID:GNU>:-Wlogical-op$<SEMICOLON>-Wduplicated-cond>)
target_compile_options(troupe_flags INTERFACE "$<BUILD_INTERFACE:${ours}>")
target_compile_definitions(troupe_flags INTERFACE
    _POSIX_C_SOURCE=200809L
    $<BUILD_INTERFACE:$<$<BOOL:${TROUPE_TESTS}>:TROUPE_TEST_HOOKS=1>>)
target_include_directories(troupe_flags INTERFACE
    $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>
    $<BUILD_INTERFACE:${CMAKE_BINARY_DIR}/generated>
    $<INSTALL_INTERFACE:include/troupe>)

if(TROUPE_SANITIZE)
    # "fuzzer" means coverage everywhere; only fuzz targets link libFuzzer.
    string(REPLACE "fuzzer," "fuzzer-no-link," sanitize "${TROUPE_SANITIZE}")
    target_compile_options(troupe_flags INTERFACE
        -fsanitize=${sanitize} -fno-sanitize-recover=all
        -fno-omit-frame-pointer)
    target_link_options(troupe_flags INTERFACE -fsanitize=${sanitize})
else()
    set(hardening -fstack-protector-strong -fstack-clash-protection
        $<$<CONFIG:Release>:-U_FORTIFY_SOURCE>
        $<$<CONFIG:Release>:-D_FORTIFY_SOURCE=3>)
    target_compile_options(troupe_flags INTERFACE
        "$<BUILD_INTERFACE:${hardening}>")
    set(hardening -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack)
    target_link_options(troupe_flags INTERFACE
        "$<BUILD_INTERFACE:${hardening}>")
endif()
