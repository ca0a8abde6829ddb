#include "observer/path_filter.h"

#include <algorithm>
#include <rapidcheck.h>
#include <string>
#include <vector>

#include <gtest/gtest.h>

// Must follow gtest.
#include <rapidcheck/gtest.h>

namespace committest::observer {
namespace {

using Globs = std::vector<std::string>;

TEST(PathFilter, LetsEverythingCountWithoutGlobs) {
  const PathFilter filter;
  EXPECT_FALSE(filter.HasGlobs());
  EXPECT_TRUE(filter.Counts("a/b"));
  EXPECT_EQ(filter.CountsBelow(""), GlobCover::kAll);
}

TEST(PathFilter, CountsWhatMatchesAndIsNotIgnored) {
  const PathFilter filter(Globs{"src/**", "*.toml"}, Globs{"**/*.md"});
  EXPECT_TRUE(filter.Counts("src/a/b.cc"));
  EXPECT_TRUE(filter.Counts("pyproject.toml"));
  EXPECT_FALSE(filter.Counts("src/a/README.md"));
  EXPECT_FALSE(filter.Counts("docs/a.cc"));
  EXPECT_FALSE(filter.Counts("docs/x.toml"));
  EXPECT_EQ(filter.Describe(), "paths src/**, *.toml; pathsIgnore **/*.md");
}

TEST(PathFilter, CountsAllButTheIgnoredWithoutPaths) {
  const PathFilter filter(Globs{}, Globs{"docs/**"});
  EXPECT_TRUE(filter.Counts("src/a"));
  EXPECT_FALSE(filter.Counts("docs/a"));
  EXPECT_EQ(filter.CountsBelow("src"), GlobCover::kAll);
  EXPECT_EQ(filter.CountsBelow("docs"), GlobCover::kNone);
  EXPECT_EQ(filter.CountsBelow(""), GlobCover::kSome);
}

TEST(PathFilter, CountsWhatAlwaysCounts) {
  const PathFilter filter(Globs{"src/**"}, Globs{"**"}, Globs{".committest.yaml"});
  EXPECT_TRUE(filter.Counts(".committest.yaml"));
  EXPECT_FALSE(filter.Counts("src/a"));
  EXPECT_EQ(filter.CountsBelow(""), GlobCover::kSome);
  EXPECT_EQ(filter.CountsBelow("src"), GlobCover::kNone);
}

rc::Gen<std::string> APart() {
  return rc::gen::element<std::string>("a", "b", "*", "**", "a*", "?");
}

rc::Gen<Globs> SomeGlobs() {
  return rc::gen::resize(
      3, rc::gen::container<Globs>(
             rc::gen::map(rc::gen::resize(4, rc::gen::nonEmpty(rc::gen::container<Globs>(APart()))),
                          [](const Globs& parts) {
                            std::string glob;
                            for (const std::string& part : parts)
                              glob += (glob.empty() ? "" : "/") + part;
                            return glob;
                          })));
}

RC_GTEST_PROP(PathFilterProperty, SaysOfAFolderWhatIsTrueOfEachPathBelow, ()) {
  const PathFilter filter(*SomeGlobs(), *SomeGlobs());
  const auto name = rc::gen::element<std::string>("a", "b", "ab");
  std::string folder = *name;
  while (*rc::gen::arbitrary<bool>()) folder += "/" + *name;
  std::string path = folder + "/" + *name;
  while (*rc::gen::arbitrary<bool>()) path += "/" + *name;
  const GlobCover cover = filter.CountsBelow(folder);
  if (cover == GlobCover::kAll) RC_ASSERT(filter.Counts(path));
  if (cover == GlobCover::kNone) RC_ASSERT(!filter.Counts(path));
}

}  // namespace
}  // namespace committest::observer
