include(GoogleTest)

# Everything that runs under ThreadSanitizer.
add_custom_target(concurrent_tests)

# Every fuzzer.
add_custom_target(fuzzers)

# committest_library(NAME SOURCES a.cc … LINK target …): one static library of ours.
function(committest_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC committest_options ${arg_LINK} PRIVATE ${arg_PRIVATE_LINK})
  if(COMMITTEST_FUZZ)
    # What a fuzzer steers by; programs that are no fuzzers ignore it.
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
endfunction()

# committest_executable(NAME [STATIC] SOURCES main.cc LINK target …)
#
# STATIC ones need nothing of the system that they run on. Sanitizers do not work that way.
function(committest_executable name)
  cmake_parse_arguments(arg "STATIC" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE committest_options ${arg_LINK})
  if(arg_STATIC AND NOT COMMITTEST_SANITIZER)
    target_link_options(${name} PRIVATE
      # libcrypto warns of names that it could look up, which these programs never do.
      -static-pie LINKER:--no-warnings)
    set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  endif()
endfunction()

# committest_test(NAME LABEL unit|integration|integration-api|simulation [CONCURRENT]
#                 SOURCES a_test.cc … LINK …)
#
# CONCURRENT marks tests that start threads; they run under ThreadSanitizer too. Those labelled
# integration-api share one API server, so ctest runs no more than one integration test at a time.
function(committest_test name)
  cmake_parse_arguments(arg "CONCURRENT" "LABEL" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE committest_options ${arg_LINK} GTest::gmock_main)
  # One word, because gtest_discover_tests takes a list of labels apart; ctest -L matches a part.
  set(label ${arg_LABEL})
  if(arg_CONCURRENT)
    set(label ${label}-concurrent)
    add_dependencies(concurrent_tests ${name})
  endif()
  set(properties LABELS ${label} TIMEOUT 120)
  if(arg_LABEL MATCHES "^integration")
    list(APPEND properties RUN_SERIAL ON)
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES ${properties})
endfunction()

# committest_fuzz(NAME LINK target …): the libFuzzer program fuzz_NAME of NAME_fuzz.cc, and a test
# that replays its corpus, corpus/NAME. dev/test/fuzz runs the program itself.
function(committest_fuzz name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  add_executable(fuzz_${name} ${name}_fuzz.cc)
  target_link_libraries(fuzz_${name} PRIVATE committest_options ${arg_LINK})
  target_compile_options(fuzz_${name} PRIVATE -fsanitize=fuzzer-no-link)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  add_dependencies(fuzzers fuzz_${name})
  add_test(NAME Corpus.${name} COMMAND fuzz_${name} -runs=0 -timeout=10 -rss_limit_mb=1024
                                       ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name})
  set_tests_properties(Corpus.${name} PROPERTIES LABELS unit TIMEOUT 120)
endfunction()
