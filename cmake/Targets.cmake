include(GoogleTest)

# Everything that runs under ThreadSanitizer.
add_custom_target(concurrent_tests)

# committest_library(NAME SOURCES a.cc … LINK target …): one static library of ours.
function(committest_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC committest_options ${arg_LINK} PRIVATE ${arg_PRIVATE_LINK})
endfunction()

# committest_executable(NAME SOURCES main.cc LINK target …)
function(committest_executable name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE committest_options ${arg_LINK})
endfunction()

# committest_test(NAME LABEL unit|integration|simulation [CONCURRENT] SOURCES a_test.cc … LINK …)
#
# CONCURRENT marks tests that start threads; they run under ThreadSanitizer too. Integration tests
# share one API server, so ctest gets no more than one of them at a time.
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
  if(arg_LABEL STREQUAL "integration")
    list(APPEND properties RUN_SERIAL ON)
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES ${properties})
endfunction()
