#include "tests/support/golden.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace committest {
namespace {

std::string PathOf(std::string_view file) {
  return std::string(COMMITTEST_SOURCE_DIR) + "/tests/golden/" + std::string(file);
}

}  // namespace

std::string ReadGolden(std::string_view file) {
  std::ifstream stream(PathOf(file));
  EXPECT_TRUE(stream.is_open()) << "tests/golden/" << file << " is missing";
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

void ExpectGolden(std::string_view file, const std::string& text) {
  const char* update = std::getenv("UPDATE_GOLDEN");  // NOLINT(concurrency-mt-unsafe)
  if (update != nullptr && std::string_view(update) == "1") {
    std::ofstream(PathOf(file)) << text;
    return;
  }
  EXPECT_EQ(ReadGolden(file), text) << "If this is wanted: UPDATE_GOLDEN=1, and review the diff";
}

}  // namespace committest
