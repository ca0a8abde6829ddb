# Warnings, hardening and sanitizers as one interface target that every target of ours links.
add_library(committest_options INTERFACE)
target_include_directories(committest_options INTERFACE ${CMAKE_SOURCE_DIR})
target_link_libraries(committest_options INTERFACE Threads::Threads)
target_compile_options(committest_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Wold-style-cast -Woverloaded-virtual -Wcast-align -Wformat=2 -Werror
  -fstack-protector-strong)
target_compile_definitions(committest_options INTERFACE
  COMMITTEST_VERSION="${PROJECT_VERSION}"
  $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)

if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  target_compile_options(committest_options INTERFACE -Wthread-safety)
else()
  # -Wnull-dereference and -Wrestrict of gcc 12 fire inside its own std::string when they inline (GCC
  # bug 105329); clang's analyzer covers them.
  target_compile_options(committest_options INTERFACE -Wduplicated-cond -Wlogical-op -Wno-restrict)
endif()

if(COMMITTEST_SANITIZER STREQUAL "address")
  set(sanitize -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
elseif(COMMITTEST_SANITIZER STREQUAL "thread")
  set(sanitize -fsanitize=thread -fno-omit-frame-pointer)
elseif(COMMITTEST_SANITIZER)
  message(FATAL_ERROR "COMMITTEST_SANITIZER is '${COMMITTEST_SANITIZER}', expected address or thread")
endif()
if(COMMITTEST_SANITIZER)
  set(unless_plain "$<$<NOT:$<BOOL:$<TARGET_PROPERTY:COMMITTEST_PLAIN>>>:${sanitize}>")
  target_compile_options(committest_options INTERFACE "${unless_plain}")
  target_link_options(committest_options INTERFACE "${unless_plain}")
endif()

# The fuzzers are part of the asan build, so that nothing is compiled twice for them.
if(COMMITTEST_SANITIZER STREQUAL "address" AND CMAKE_CXX_COMPILER_ID MATCHES Clang)
  set(COMMITTEST_FUZZ ON)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_definitions(committest_options INTERFACE _FORTIFY_SOURCE=2)
  target_compile_options(committest_options INTERFACE -fcf-protection)
  target_link_options(committest_options INTERFACE -Wl,-z,relro,-z,now)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
endif()
