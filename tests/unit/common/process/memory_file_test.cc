#include "common/process/memory_file.h"

#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace committest {
namespace {

TEST(MemoryFile, IsReadByItsPathAndGoes) {
  std::string path;
  {
    const auto file = MemoryFile::Make("secret");
    ASSERT_TRUE(file) << file.error().message;
    path = file->Path();
    EXPECT_EQ(committest::testing::ReadTestFile(path), "secret");
    struct stat state{};
    ASSERT_EQ(stat(path.c_str(), &state), 0);
    EXPECT_EQ(state.st_mode & 0777U, 0600U);
  }
  EXPECT_NE(access(path.c_str(), F_OK), 0);
}

TEST(MemoryFile, MovesWithItsOwner) {
  auto first = MemoryFile::Make("1");
  ASSERT_TRUE(first);
  const std::string path = first->Path();
  const MemoryFile second = std::move(*first);
  EXPECT_EQ(second.Path(), path);
  EXPECT_EQ(committest::testing::ReadTestFile(path), "1");
}

}  // namespace
}  // namespace committest
