#include "runner-image/libtest_output.h"

#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "common/base/strings.h"

namespace committest::runner {
namespace {

constexpr std::size_t kMaxNested = 32;
constexpr std::size_t kMaxDetails = 1000;
constexpr std::size_t kMaxNameBytes = 1024;
// No suite has more tests; a forged number must not overflow a sum.
constexpr std::int64_t kMaxTests = 10'000'000;

constexpr std::string_view kResult = "test result: ";

std::optional<std::int64_t> Number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && number >= 0 && number <= kMaxTests ? std::optional(number) : std::nullopt;
}

// The number of "running 3 tests".
std::optional<std::int64_t> Announced(std::string_view line) {
  if (!line.starts_with("running ")) return std::nullopt;
  line.remove_prefix(sizeof("running ") - 1);
  const auto space = line.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const std::string_view noun = line.substr(space + 1);
  if (noun != "tests" && noun != "test") return std::nullopt;
  return Number(line.substr(0, space));
}

// passed, failed, ignored, measured of "test result: ok. 2 passed; 0 failed; 1 ignored; 0 …".
std::optional<std::array<std::int64_t, 4>> Results(std::string_view line) {
  line.remove_prefix(kResult.size());
  const auto dot = line.find(". ");
  if (dot == std::string_view::npos) return std::nullopt;
  const std::vector<std::string> parts = Split(line.substr(dot + 2), ';');
  constexpr std::array<std::string_view, 4> kWords{" passed", " failed", " ignored", " measured"};
  if (parts.size() < kWords.size()) return std::nullopt;
  std::array<std::int64_t, 4> numbers{};
  for (std::size_t i = 0; i < kWords.size(); ++i) {
    std::string_view part = Trim(parts[i]);
    if (!part.ends_with(kWords.at(i))) return std::nullopt;
    part.remove_suffix(kWords.at(i).size());
    const auto number = Number(part);
    if (!number) return std::nullopt;
    numbers.at(i) = *number;
  }
  return numbers;
}

// The file of "thread 'a' (17) panicked at src/lib.rs:16:24:".
std::string PanicFile(std::string_view line) {
  const auto at = line.find(" panicked at ");
  if (at == std::string_view::npos) return "";
  const std::string_view place = line.substr(at + sizeof(" panicked at ") - 1);
  return std::string(place.substr(0, place.find(':')));
}

}  // namespace

std::string LibtestOutput::Read(std::string_view bytes) {
  lines_.Feed(bytes);
  for (std::string_view line = lines_.Next(); !line.empty(); line = lines_.Next()) ReadLine(line);
  return std::string(bytes);
}

std::string LibtestOutput::Finish() {
  const std::string rest(lines_.Rest());
  if (!rest.empty()) ReadLine(rest);
  return "";
}

void LibtestOutput::ReadLine(std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (const auto number = Announced(line)) {
    if (running_.size() < kMaxNested) running_.push_back(*number);
  } else if (line.starts_with(kResult)) {
    TakeResult(line);
  } else if (running_.size() == 1) {
    TakeFailure(line);
  }
}

void LibtestOutput::TakeResult(std::string_view line) {
  const auto results = Results(line);
  if (!results || running_.empty()) return;  // Nobody's: it can make nothing better.
  const auto [passed, failed, ignored, measured] = *results;
  const std::int64_t total = passed + failed + ignored + measured;
  const std::int64_t announced = running_.back();
  running_.pop_back();
  if (!running_.empty()) return;
  if (total != announced) {
    contradiction_ = "a test program announced " + std::to_string(announced) +
                     " tests and reported " + std::to_string(total);
  }
  ++programs_;
  Add(report_, {{total, passed + measured, failed, 0, ignored}, {}, 0, ""});
  AddFailures();
}

// What libtest prints of failures: "---- NAME stdout ----" and words for each, and at the end
// "failures:" and the names.
void LibtestOutput::TakeFailure(std::string_view line) {
  constexpr std::string_view kBegin = "---- ";
  constexpr std::string_view kEnd = " stdout ----";
  if (line == "failures:") {
    listing_ = true;
    detail_of_.clear();
  } else if (line.starts_with(kBegin) && line.ends_with(kEnd)) {
    listing_ = false;
    detail_of_ = Truncate(line.substr(kBegin.size(), line.size() - kBegin.size() - kEnd.size()),
                          kMaxNameBytes);
  } else if (listing_ && line.starts_with("    ") && failed_.size() < kMaxDetails) {
    failed_.push_back(Truncate(Trim(line), kMaxNameBytes));
  } else if (!detail_of_.empty() && !Trim(line).empty() && details_.size() < kMaxDetails) {
    api::TestFailure& detail = details_[detail_of_];
    if (detail.file.empty() && !PanicFile(line).empty()) {
      detail.file = OneLine(Truncate(PanicFile(line), kMaxNameBytes));
      detail.message.clear();
    } else if (detail.message.empty() && !line.starts_with("note: run with")) {
      detail.message = Truncate(OneLine(Truncate(Trim(line), 1024)), api::kMaxFailureMessageBytes);
    }
  }
}

void LibtestOutput::AddFailures() {
  for (const std::string& name : failed_) {
    if (report_.failures.size() == api::kMaxFailures) {
      ++report_.failures_omitted;
      continue;
    }
    api::TestFailure failure = details_[name];
    failure.name = OneLine(name);
    report_.failures.push_back(std::move(failure));
  }
  failed_.clear();
  details_.clear();
  detail_of_.clear();
  listing_ = false;
}

Result<JunitReport> LibtestOutput::Report() {
  if (!contradiction_.empty()) return Fail(ErrorCode::kDataLoss, contradiction_);
  if (!running_.empty()) {
    return Fail(ErrorCode::kDataLoss, "a test program announced " +
                                          std::to_string(running_.front()) +
                                          " tests and ended before it reported them");
  }
  if (programs_ == 0) return Fail(ErrorCode::kNotFound, "no test program reported its tests");
  return report_;
}

}  // namespace committest::runner
