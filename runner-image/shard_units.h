#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/api/run_request.h"
#include "common/api/sharding.h"
#include "common/base/result.h"
#include "runner-image/junit.h"
#include "runner-image/shard_plan.h"
#include "runner-image/test_plan.h"

namespace committest::runner {

/// Tests have more units than this only by mistake.
inline constexpr std::size_t kMaxUnits = 100'000;

/// The units that `TestPlan::list` has listed, sorted by name, each once. Pure.
///
/// | framework         | `text`                                      | unit                           |
/// |-------------------|---------------------------------------------|--------------------------------|
/// | Unittest, Pytest  | the file of names, a JSON list of strings   | module; file                   |
/// | GoTest            | the output: `kUnitPrefix` and a path a line | package, also one without tests|
/// | CTest             | the output of `ctest --show-only=json-v1`   | test, with all that need it    |
///
/// Tests of CTest that share a fixture or depend on each other are one unit, named like the first of
/// them by name, because a shard cannot run a part of them; so are tests of one name. Other frameworks
/// have no units. kDataLoss says what is wrong with `text`.
Result<std::vector<Unit>> ReadUnits(api::Framework framework, std::string_view text);

/// Before each package that `go list` prints.
inline constexpr std::string_view kUnitPrefix = "committest-unit ";

/// What the units of `framework` are for people, in the plural: "modules".
std::string_view UnitWord(api::Framework framework);

/// What stands in `PlanFiles::share`: for Unittest and Pytest `{"others": […]}`, the units that are
/// not in `shard`; for CTest an argument of `ctest -I`; else nothing. Pure.
std::string ShareText(api::Framework framework, const std::vector<Unit>& units,
                      const ShardPlan& plan, std::size_t shard);

/// The command that runs the share: `TestPlan::share`, and for GoTest the packages behind it. Pure.
std::vector<std::string> ShareCommand(const TestPlan& test_plan, const std::vector<Unit>& units,
                                      const ShardPlan& plan, std::size_t shard);

/// The attribute of a test case in a report of `framework` that names the part of a unit; nullptr:
/// there is none.
const char* PartAttribute(api::Framework framework);

/// How long the units of `shard` took, by what `report` says of their parts. Units that the report
/// does not know are left out. Pure.
api::UnitTimings TimingsOf(const std::vector<Unit>& units, const ShardPlan& plan, std::size_t shard,
                           const JunitReport& report);

}  // namespace committest::runner
