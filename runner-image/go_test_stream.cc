#include "runner-image/go_test_stream.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/strings.h"

namespace committest::runner {
namespace {

using nlohmann::json;

// Packages, and tests that run at once: far more than anyone has. Bounds what a hostile stream can
// make us keep.
constexpr std::size_t kMaxRemembered = 200'000;
constexpr std::size_t kMaxNameBytes = 512;

std::string Words(std::string_view text) {
  return Truncate(OneLine(Truncate(Trim(text), 1024)), api::kMaxFailureMessageBytes);
}

std::string Member(const json& event, const char* name) {
  const auto found = event.find(name);
  return found != event.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// What go prints around the tests: no words of a test.
bool IsFrame(std::string_view line) {
  for (const std::string_view frame : {"=== ", "--- ", "PASS", "FAIL", "ok  \t", "exit status "}) {
    if (line.starts_with(frame)) return true;
  }
  return line.empty();
}

// The file of "a_test.go:7: want 3", or nothing.
std::string_view TestFileIn(std::string_view line) {
  const auto end = line.find(".go:");
  if (end == std::string_view::npos) return {};
  const std::string_view file = line.substr(0, end + 3);
  return file.find_first_of(" \t/") == std::string_view::npos ? file : std::string_view();
}

}  // namespace

struct GoTestStream::Event {
  std::string action;
  std::string package;
  std::string test;
  std::string output;
  std::string import_path;
  std::string failed_build;
  double elapsed_s = 0;
};

std::string GoTestStream::Read(std::string_view bytes) {
  lines_.Feed(bytes);
  std::string shown;
  for (std::string_view line = lines_.Next(); !line.empty(); line = lines_.Next()) {
    shown += ReadLine(line);
  }
  return shown;
}

std::string GoTestStream::Finish() {
  const std::string rest(lines_.Rest());
  return rest.empty() ? "" : ReadLine(rest);
}

std::string GoTestStream::ReadLine(std::string_view line) {
  const json value = line.starts_with('{') ? json::parse(line, nullptr, false) : json();
  Event event;
  if (value.is_object()) event.action = Member(value, "Action");
  if (event.action.empty()) {
    ReadPlainLine(line);
    return std::string(line);
  }
  any_event_ = true;
  event.package = Truncate(Member(value, "Package"), kMaxNameBytes);
  event.test = Truncate(Member(value, "Test"), kMaxNameBytes);
  event.output = Member(value, "Output");
  event.import_path = Truncate(Member(value, "ImportPath"), kMaxNameBytes);
  event.failed_build = Truncate(Member(value, "FailedBuild"), kMaxNameBytes);
  if (const auto elapsed = value.find("Elapsed"); elapsed != value.end() && elapsed->is_number()) {
    event.elapsed_s = elapsed->get<double>();
  }
  if (!too_much_) Take(event);
  return event.output;
}

// Before Go 1.24 what does not build is said outside the events.
void GoTestStream::ReadPlainLine(std::string_view line) {
  line = Trim(line);
  if (line.starts_with("FAIL\t") &&
      (line.ends_with(" [build failed]") || line.ends_with(" [setup failed]"))) {
    const std::string_view name = line.substr(sizeof("FAIL\t") - 1);
    NotBuilt(std::string(name.substr(0, name.rfind(" ["))), "");
  }
}

void GoTestStream::Take(const Event& event) {
  if (remembered_ > kMaxRemembered) {
    too_much_ = true;
  } else if (event.action == "start") {
    Running(event.package);
  } else if (event.action == "run") {
    Package* package = Running(event.package);
    if (package != nullptr && package->open.try_emplace(event.test).second) ++remembered_;
  } else if (event.action == "output") {
    TakeOutput(event);
  } else if (event.action == "build-output") {
    const auto [words, is_new] = build_words_.try_emplace(event.import_path);
    if (is_new) ++remembered_;
    // The first lines only repeat the name.
    if (words->second.empty() && !event.output.starts_with("#")) {
      words->second = Words(event.output);
    }
  } else if (event.action == "pass" || event.action == "fail" || event.action == "skip") {
    event.test.empty() ? EndPackage(event) : EndTest(event);
  }
}

// The package, which begins with its first event; nullptr when it has ended.
GoTestStream::Package* GoTestStream::Running(const std::string& name) {
  if (ended_.contains(name)) return nullptr;
  const auto [package, is_new] = open_.try_emplace(name);
  if (is_new) ++remembered_;
  return &package->second;
}

void GoTestStream::TakeOutput(const Event& event) {
  Package* package = Running(event.package);
  if (package == nullptr) return;
  const std::string_view line = Trim(event.output);
  if (event.test.empty()) {
    if (line.ends_with(" [build failed]") || line.ends_with(" [setup failed]")) {
      package->build_failed = true;
    }
    if (!line.empty() && !line.starts_with("FAIL")) package->last_words = Words(line);
    return;
  }
  const auto found = package->open.find(event.test);
  if (found == package->open.end() || IsFrame(line)) return;
  OpenTest& test = found->second;
  const std::string_view file = TestFileIn(line);
  // The first words with a place in a test's file say best what was wrong, or else a panic's.
  if (test.file.empty() && !file.empty()) {
    test.file = FileOf(event.package, file);
    test.message = Words(line.substr(file.size() + 1));
  } else if (test.message.empty() || (test.file.empty() && line.starts_with("panic: "))) {
    test.message = Words(line);
  }
}

std::string GoTestStream::FileOf(const std::string& package, std::string_view file) const {
  if (module_.empty() || !package.starts_with(module_)) return std::string(file);
  const std::string_view rest = std::string_view(package).substr(module_.size());
  if (rest.empty()) return std::string(file);
  return rest.starts_with('/') ? std::string(rest.substr(1)) + "/" + std::string(file)
                               : std::string(file);
}

void GoTestStream::AddBad(bool errored, const std::string& name, const OpenTest& test) {
  ++report_.counts.total;
  ++(errored ? report_.counts.errored : report_.counts.failed);
  if (report_.failures.size() < api::kMaxFailures) {
    report_.failures.push_back({OneLine(name), OneLine(test.file), test.message});
  } else {
    ++report_.failures_omitted;
  }
}

void GoTestStream::EndTest(const Event& event) {
  const auto package = open_.find(event.package);
  if (package == open_.end()) return;
  auto test = package->second.open.extract(event.test);
  // Without its beginning it is not an end that go wrote.
  if (test.empty()) return;
  --remembered_;
  if (event.action == "fail") {
    ++package->second.bad;
    AddBad(false, event.package + "." + event.test, test.mapped());
    return;
  }
  ++report_.counts.total;
  ++(event.action == "pass" ? report_.counts.passed : report_.counts.skipped);
}

void GoTestStream::NotBuilt(const std::string& package, const std::string& why) {
  if (!report_.not_built.empty()) return;
  report_.not_built = Words(package + " does not build" + (why.empty() ? "" : ": " + why));
}

void GoTestStream::AddUnended(const std::string& name, Package& package) {
  for (auto& [test_name, test] : package.open) {
    if (test.message.empty()) test.message = "it was started and did not end";
    std::string full_name = name;
    full_name.append(".").append(test_name);
    AddBad(true, full_name, test);
    ++package.bad;
  }
}

void GoTestStream::EndPackage(const Event& event) {
  auto ended = open_.extract(event.package);
  if (ended.empty()) return;
  ended_.insert(event.package);
  report_.part_seconds[event.package] = event.elapsed_s;
  Package& package = ended.mapped();
  remembered_ -= package.open.size();
  if (!event.failed_build.empty() || package.build_failed) {
    NotBuilt(event.package, build_words_[event.failed_build]);
    return;
  }
  AddUnended(event.package, package);
  if (event.action == "fail" && package.bad == 0) {
    AddBad(true, event.package,
           {"the package failed, but none of its tests: " + package.last_words, ""});
  }
}

Result<JunitReport> GoTestStream::Report() {
  if (too_much_)
    return Fail(ErrorCode::kDataLoss, "go test ran more tests at once than can be kept");
  if (!any_event_ && report_.not_built.empty()) {
    return Fail(ErrorCode::kNotFound, "go test printed no event");
  }
  for (auto& [name, package] : open_) {
    AddUnended(name, package);
    AddBad(true, name, {"its test program ended before its tests did", ""});
  }
  open_.clear();
  return report_;
}

}  // namespace committest::runner
