#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runner-image/output_reader.h"

namespace committest::runner {

/// Reads what Rust's test programs (libtest: unit, integration and documentation tests) print when
/// `cargo test` runs them.
///
/// Counts are the sum of libtest's last lines, "test result: ok. 2 passed; 0 failed; 1 ignored; 0
/// measured; …": ignored tests are skipped ones, measured benchmarks passed, a test that should
/// panic and does passed. Each such line has to close a "running N tests" whose N is their sum. A
/// program that says how many tests it runs and does not close (a test ended it) makes the report
/// invalid. A test program that a test runs may print the same lines: what stands between the
/// beginning and the end of another is not counted.
class LibtestOutput final : public OutputReader {
 public:
  std::string Read(std::string_view bytes) override;
  std::string Finish() override;
  Result<JunitReport> Report() override;

 private:
  void ReadLine(std::string_view line);
  void TakeResult(std::string_view line);
  void TakeFailure(std::string_view line);
  void AddFailures();

  LineCutter lines_;
  std::vector<std::int64_t> running_;  ///< The announced numbers that are open, innermost last.
  std::int64_t programs_ = 0;
  std::string contradiction_;
  std::string detail_of_;                            ///< The test whose details are being read.
  std::map<std::string, api::TestFailure> details_;  ///< Of the program that is open.
  std::vector<std::string> failed_;                  ///< Of the program that is open, by name.
  bool listing_ = false;                             ///< Behind the last "failures:".
  JunitReport report_;
};

}  // namespace committest::runner
