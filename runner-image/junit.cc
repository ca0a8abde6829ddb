#include "runner-image/junit.h"

#include <string>
#include <utility>

#include <pugixml.hpp>

#include "common/base/strings.h"

namespace committest::runner {
namespace {

// Ample for what is kept; bounds the work on a message of megabytes.
constexpr std::size_t kMaxTextBytes = 4096;

enum class Outcome { kPassed, kFailed, kErrored, kSkipped };

std::string Text(std::string_view text, std::size_t max_bytes) {
  return Truncate(OneLine(Truncate(Trim(text), kMaxTextBytes)), max_bytes);
}

std::string_view FirstLine(std::string_view text) {
  text = Trim(text);
  return text.substr(0, text.find('\n'));
}

std::string FullName(const pugi::xml_node& test) {
  const std::string name = test.attribute("name").value();
  const std::string class_name = test.attribute("classname").value();
  // CTest gives each test its own name as class.
  const bool repeats = name == class_name || name.starts_with(class_name + ".");
  return class_name.empty() || repeats ? name : class_name + "." + name;
}

// CTest and GoogleTest leave out the child element for a test that was not run.
bool SaysNotRun(const pugi::xml_node& test) {
  const std::string_view status = test.attribute("status").value();
  return status == "notrun" || status == "disabled";
}

// CTest calls a test failed that it could not start (no program, a failed fixture), but its report
// says "skipped", as of tests that skip themselves; only their words differ.
bool CouldNotRun(const pugi::xml_node& test, const pugi::xml_node& skipped) {
  const std::string_view message = skipped.attribute("message").value();
  return SaysNotRun(test) && !message.empty() && !message.starts_with("SKIP_") &&
         message != "Disabled";
}

Outcome OutcomeOf(const pugi::xml_node& test) {
  if (test.child("failure")) return Outcome::kFailed;
  if (test.child("error")) return Outcome::kErrored;
  if (const pugi::xml_node skipped = test.child("skipped")) {
    if (std::string_view(skipped.attribute("type").value()) == "pytest.xfail") {
      return Outcome::kPassed;
    }
    return CouldNotRun(test, skipped) ? Outcome::kErrored : Outcome::kSkipped;
  }
  return SaysNotRun(test) ? Outcome::kSkipped : Outcome::kPassed;
}

// CTest's report says nothing of a failure but what the test printed. GoogleTest's words are
// "FILE:LINE: Failure", what was expected, and "[  FAILED  ] NAME"; of others the last line is taken.
void TakeOutput(api::TestFailure& failure, std::string_view output) {
  constexpr std::string_view kFailure = ": Failure\n";
  output = Trim(output);
  const auto google = output.find(kFailure);
  if (google == std::string_view::npos) {
    failure.message = Text(output.substr(output.rfind('\n') + 1), api::kMaxFailureMessageBytes);
    return;
  }
  const auto begin = output.rfind('\n', google) + 1;
  const std::string_view place = output.substr(begin, google - begin);
  failure.file = Text(place.substr(0, place.rfind(':')), kMaxTextBytes);
  const std::string_view words = output.substr(google + kFailure.size());
  failure.message =
      Text(words.substr(0, words.find("\n[  FAILED  ]")), api::kMaxFailureMessageBytes);
}

api::TestFailure FailureOf(const pugi::xml_node& test, Outcome outcome) {
  pugi::xml_node element = test.child(outcome == Outcome::kFailed ? "failure" : "error");
  if (!element) element = test.child("skipped");  // What CTest could not run.
  std::string_view message = element.attribute("message").value();
  if (Trim(message).empty()) message = FirstLine(element.text().get());
  if (message.empty()) message = element.attribute("type").value();
  api::TestFailure failure{Text(FullName(test), kMaxTextBytes),
                           Text(test.attribute("file").value(), kMaxTextBytes),
                           Text(message, api::kMaxFailureMessageBytes)};
  if (failure.message.empty()) TakeOutput(failure, test.child("system-out").text().get());
  return failure;
}

void AddTest(JunitReport& report, const pugi::xml_node& test) {
  const Outcome outcome = OutcomeOf(test);
  api::TestCounts& counts = report.counts;
  ++counts.total;
  switch (outcome) {
    case Outcome::kPassed:
      ++counts.passed;
      return;
    case Outcome::kSkipped:
      ++counts.skipped;
      return;
    case Outcome::kFailed:
      ++counts.failed;
      break;
    case Outcome::kErrored:
      ++counts.errored;
      break;
  }
  if (report.failures.size() < api::kMaxFailures) {
    report.failures.push_back(FailureOf(test, outcome));
  } else {
    ++report.failures_omitted;
  }
}

void AddTime(JunitReport& report, const pugi::xml_node& test, const char* part_attribute) {
  const std::string part = test.attribute(part_attribute).value();
  if (!part.empty()) report.part_seconds[part] += test.attribute("time").as_double();
}

Status AddSuite(JunitReport& report, const pugi::xml_node& suite, const char* part_attribute,
                int depth) {
  if (depth > kMaxSuiteDepth) return Fail(ErrorCode::kDataLoss, "its test suites are too deep");
  for (const pugi::xml_node& child : suite.children()) {
    const std::string_view name = child.name();
    if (name == "testcase") {
      AddTest(report, child);
      if (part_attribute != nullptr) AddTime(report, child, part_attribute);
    }
    if (name == "testsuite") {
      if (Status status = AddSuite(report, child, part_attribute, depth + 1); !status)
        return status;
    }
  }
  return {};
}

// A zero byte, which XML forbids, would end the text for pugixml: what a writer that was killed left
// after it would not be seen. UTF-16 and UTF-32 have zeros among their first bytes already.
bool HoldsZero(std::string_view xml) {
  return xml.substr(0, 4).find('\0') == std::string_view::npos &&
         xml.find('\0') != std::string_view::npos;
}

// pugixml accepts text around the root element and several roots; XML does not, and a report that
// was glued together is one that nobody vouches for.
Result<pugi::xml_node> RootOf(const pugi::xml_document& document) {
  pugi::xml_node root;
  for (const pugi::xml_node& node : document.children()) {
    if (node.type() == pugi::node_doctype) {
      return Fail(ErrorCode::kDataLoss, "it declares a document type");
    }
    if (node.type() != pugi::node_element) continue;
    if (root) return Fail(ErrorCode::kDataLoss, "it has more than one root element");
    root = node;
  }
  const std::string_view name = root.name();
  if (name != "testsuites" && name != "testsuite") {
    return Fail(ErrorCode::kDataLoss, "its root element is <" + Text(name, 40) +
                                          ">, expected <testsuites> or <testsuite>");
  }
  return root;
}

}  // namespace

Result<JunitReport> ParseJunit(std::string_view xml, const char* part_attribute) {
  if (Trim(xml).empty()) return Fail(ErrorCode::kDataLoss, "it is empty");
  if (xml.size() > kMaxReportBytes) return Fail(ErrorCode::kDataLoss, "it is larger than 16 MiB");
  if (HoldsZero(xml)) return Fail(ErrorCode::kDataLoss, "it holds a zero byte");
  pugi::xml_document document;
  const pugi::xml_parse_result parsed =
      document.load_buffer(xml.data(), xml.size(), pugi::parse_default | pugi::parse_doctype);
  if (!parsed) {
    return Fail(ErrorCode::kDataLoss, "it is not XML: " + std::string(parsed.description()) +
                                          " at byte " + std::to_string(parsed.offset));
  }
  const Result<pugi::xml_node> root = RootOf(document);
  if (!root) return Fail(root.error());
  JunitReport report;
  if (Status status = AddSuite(report, *root, part_attribute, 0); !status)
    return Fail(std::move(status.error()));
  return report;
}

void Add(JunitReport& report, JunitReport other) {
  report.counts.total += other.counts.total;
  report.counts.passed += other.counts.passed;
  report.counts.failed += other.counts.failed;
  report.counts.errored += other.counts.errored;
  report.counts.skipped += other.counts.skipped;
  report.failures_omitted += other.failures_omitted;
  if (report.not_built.empty()) report.not_built = std::move(other.not_built);
  for (api::TestFailure& failure : other.failures) {
    if (report.failures.size() < api::kMaxFailures) {
      report.failures.push_back(std::move(failure));
    } else {
      ++report.failures_omitted;
    }
  }
}

}  // namespace committest::runner
