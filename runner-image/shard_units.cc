#include "runner-image/shard_units.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/strings.h"

namespace committest::runner {
namespace {

using api::Framework;
using nlohmann::json;

tl::unexpected<Error> Unusable(const std::string& why) {
  return Fail(ErrorCode::kDataLoss, "the list of the tests cannot be used: " + why);
}

Result<std::vector<Unit>> UnitsOf(std::vector<std::string> names) {
  if (names.size() > kMaxUnits) return Unusable("it has more than 100000 entries");
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  std::vector<Unit> units;
  units.reserve(names.size());
  for (std::string& name : names) units.push_back({name, {name}});
  return units;
}

Result<std::vector<Unit>> ReadNames(std::string_view text) {
  const json list = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!list.is_array()) return Unusable("it is no JSON list");
  std::vector<std::string> names;
  for (const json& name : list) {
    if (!name.is_string()) return Unusable("an entry is no string");
    names.push_back(name.get<std::string>());
  }
  return UnitsOf(std::move(names));
}

Result<std::vector<Unit>> ReadPackages(std::string_view text) {
  std::vector<std::string> names;
  for (const std::string& line : Split(text, '\n')) {
    if (line.starts_with(kUnitPrefix)) names.push_back(line.substr(kUnitPrefix.size()));
  }
  return UnitsOf(std::move(names));
}

// Sets of tests that belong together (union-find).
class Groups {
 public:
  explicit Groups(std::size_t size) : parents_(size) {
    std::iota(parents_.begin(), parents_.end(), std::size_t{0});
  }
  std::size_t RootOf(std::size_t item) {
    while (parents_[item] != item) item = parents_[item] = parents_[parents_[item]];
    return item;
  }
  void Join(std::size_t a, std::size_t b) { parents_[RootOf(a)] = RootOf(b); }

 private:
  std::vector<std::size_t> parents_;
};

struct CTestTest {
  std::string name;
  std::vector<std::string> bonds;  ///< What tests that belong together have in common.
};

std::string TextOf(const json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// "name:b" and "fixture:db" for a test that depends on b and needs db.
void AddBonds(CTestTest& test, const json& property) {
  const std::string name = TextOf(property, "name");
  const bool is_fixture =
      name == "FIXTURES_SETUP" || name == "FIXTURES_CLEANUP" || name == "FIXTURES_REQUIRED";
  if (!is_fixture && name != "DEPENDS") return;
  const auto values = property.find("value");
  if (values == property.end() || !values->is_array()) return;
  for (const json& value : *values) {
    if (value.is_string()) {
      test.bonds.push_back((is_fixture ? "fixture:" : "name:") + value.get<std::string>());
    }
  }
}

// What else the build prints comes before the document, and what ctest adds behind it.
json ReadDocument(std::string_view text) {
  const auto begin = text.starts_with('{') ? 0 : text.find("\n{");
  const auto end = text.rfind('}');
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return {};
  return json::parse(text.substr(begin, end + 1 - begin), nullptr, /*allow_exceptions=*/false);
}

std::vector<Unit> GroupTests(const std::vector<CTestTest>& tests) {
  Groups groups(tests.size());
  std::map<std::string, std::size_t> first_with;
  for (std::size_t i = 0; i < tests.size(); ++i) {
    for (const std::string& bond : tests[i].bonds) {
      groups.Join(i, first_with.emplace(bond, i).first->second);
    }
  }
  std::map<std::size_t, Unit> by_root;
  for (std::size_t i = 0; i < tests.size(); ++i) {
    Unit& unit = by_root[groups.RootOf(i)];
    unit.parts.push_back(tests[i].name);
    unit.numbers.push_back(i + 1);
  }
  std::vector<Unit> units;
  for (auto& [_, unit] : by_root) {
    std::ranges::sort(unit.parts);
    unit.name = unit.parts.front();
    units.push_back(std::move(unit));
  }
  std::ranges::sort(units, {}, &Unit::name);
  return units;
}

Result<std::vector<Unit>> ReadCTests(std::string_view text) {
  const json document = ReadDocument(text);
  const auto list = document.find("tests");
  if (!document.is_object() || list == document.end() || !list->is_array()) {
    return Unusable("ctest printed no list of tests");
  }
  if (list->size() > kMaxUnits) return Unusable("it has more than 100000 entries");
  std::vector<CTestTest> tests;
  for (const json& entry : *list) {
    CTestTest test{entry.is_object() ? TextOf(entry, "name") : std::string(), {}};
    if (test.name.empty()) return Unusable("a test has no name");
    test.bonds.push_back("name:" + test.name);
    const auto properties = entry.find("properties");
    if (properties != entry.end() && properties->is_array()) {
      for (const json& property : *properties) {
        if (property.is_object()) AddBonds(test, property);
      }
    }
    tests.push_back(std::move(test));
  }
  return GroupTests(tests);
}

}  // namespace

Result<std::vector<Unit>> ReadUnits(Framework framework, std::string_view text) {
  switch (framework) {
    case Framework::kUnittest:
    case Framework::kPytest:
      return ReadNames(text);
    case Framework::kGoTest:
      return ReadPackages(text);
    case Framework::kCTest:
      return ReadCTests(text);
    default:
      return std::vector<Unit>();
  }
}

std::string_view UnitWord(Framework framework) {
  switch (framework) {
    case Framework::kUnittest:
      return "modules";
    case Framework::kPytest:
      return "files";
    case Framework::kGoTest:
      return "packages";
    default:
      return "tests";
  }
}

std::string ShareText(Framework framework, const std::vector<Unit>& units, const ShardPlan& plan,
                      std::size_t shard) {
  if (framework == Framework::kCTest) {
    std::string text = "0,0,0";
    std::string last;
    for (std::size_t i = 0; i < units.size(); ++i) {
      if (plan.shards[i] != shard) continue;
      for (const std::size_t number : units[i].numbers) {
        last = "," + std::to_string(number);
        text += last;
      }
    }
    return text + last;  // CMake 3.25 does not read the last number of a file.
  }
  json others = json::array();
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (plan.shards[i] != shard) others.push_back(units[i].name);
  }
  return json{{"others", std::move(others)}}.dump();
}

std::vector<std::string> ShareCommand(const TestPlan& test_plan, const std::vector<Unit>& units,
                                      const ShardPlan& plan, std::size_t shard) {
  std::vector<std::string> argv = test_plan.share;
  for (std::size_t i = 0; i < units.size() && test_plan.framework == Framework::kGoTest; ++i) {
    if (plan.shards[i] == shard) argv.push_back(units[i].name);
  }
  return argv;
}

const char* PartAttribute(Framework framework) {
  switch (framework) {
    case Framework::kUnittest:
      return "module";
    case Framework::kPytest:
      return "file";
    case Framework::kCTest:
      return "name";
    default:
      return nullptr;
  }
}

api::UnitTimings TimingsOf(const std::vector<Unit>& units, const ShardPlan& plan, std::size_t shard,
                           const JunitReport& report) {
  constexpr double kMaxSeconds = static_cast<double>(api::kMaxUnitMilliseconds) / 1000;
  api::UnitTimings timings;
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (plan.shards[i] != shard) continue;
    double seconds = 0;
    bool is_known = false;
    for (const std::string& part : units[i].parts) {
      const auto found = report.part_seconds.find(part);
      if (found == report.part_seconds.end()) continue;
      is_known = true;
      seconds += found->second;
    }
    // Also of what is no number, which a report may say.
    if (!is_known || !(seconds >= 0)) continue;
    timings[api::UnitKey(units[i].name)] = std::llround(std::min(seconds, kMaxSeconds) * 1000);
  }
  return timings;
}

}  // namespace committest::runner
