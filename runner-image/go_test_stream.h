#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "runner-image/output_reader.h"

namespace committest::runner {

/// Reads the events of `go test -json` (cmd/test2json): Go 1.20 and newer.
///
/// Counts are those of `go test -v`: every test, subtest, example and fuzz target that ends with
/// PASS, FAIL or SKIP counts once; so a parent counts beside its subtests. Further:
///   - a test that was started and that its package never ended errored (a panic beside it);
///   - a package that failed although none of its tests did, or that never ended because a test
///     ended its program, errored under its own name;
///   - a package that does not build is no test: `JunitReport::not_built` names the first.
///
/// `JunitReport::part_seconds` holds the packages that ended.
///
/// go writes what tests print into events, so that no test can print an event of its own. Lines
/// that are no events (go's own words, and packages that do not build before Go 1.24) pass through.
class GoTestStream final : public OutputReader {
 public:
  /// `module` is the path that go.mod names; it makes the packages' folders.
  explicit GoTestStream(std::string module) : module_(std::move(module)) {}

  std::string Read(std::string_view bytes) override;
  std::string Finish() override;
  Result<JunitReport> Report() override;

 private:
  struct Event;
  struct OpenTest {
    std::string message;
    std::string file;
  };
  struct Package {
    std::map<std::string, OpenTest> open;
    std::int64_t bad = 0;
    std::string last_words;
    bool build_failed = false;
  };

  std::string ReadLine(std::string_view line);
  void Take(const Event& event);
  Package* Running(const std::string& name);
  void TakeOutput(const Event& event);
  void EndTest(const Event& event);
  void EndPackage(const Event& event);
  void AddUnended(const std::string& name, Package& package);
  void NotBuilt(const std::string& package, const std::string& why);
  void AddBad(bool errored, const std::string& name, const OpenTest& test);
  void ReadPlainLine(std::string_view line);
  std::string FileOf(const std::string& package, std::string_view file) const;

  std::string module_;
  LineCutter lines_;
  std::map<std::string, Package> open_;             ///< Packages that have started and not ended.
  std::map<std::string, std::string> build_words_;  ///< Of what does not build, by import path.
  std::set<std::string> ended_;                     ///< Packages.
  std::size_t remembered_ = 0;                      ///< How many entries all of these have.
  bool any_event_ = false;
  bool too_much_ = false;
  JunitReport report_;
};

}  // namespace committest::runner
