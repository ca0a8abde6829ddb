#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

namespace committest::api {

/// How long a run was at what is not its tests, in milliseconds. Never negative. Together with the
/// duration of the tests these are the time from the first git call to the verdict.
struct StageTimes {
  std::int64_t checkout_ms = 0;
  std::int64_t discovery_ms = 0;  ///< From the checkout's end to the first step, or to the tests.
  std::int64_t setup_ms = 0;   ///< Of the steps before the tests that succeeded, such as a build.
  std::int64_t report_ms = 0;  ///< From the tests' end to the verdict.

  bool operator==(const StageTimes&) const = default;
};

/// A stage as JSON has it, in a runner's summary and in `status.stages`.
struct StageMember {
  const char* name;
  std::int64_t StageTimes::* value;
};

/// All of them, in the order of time; the tests are before the last one.
inline constexpr std::array kStageMembers{
    StageMember{"checkoutMilliseconds", &StageTimes::checkout_ms},
    StageMember{"discoveryMilliseconds", &StageTimes::discovery_ms},
    StageMember{"setupMilliseconds", &StageTimes::setup_ms},
    StageMember{"reportMilliseconds", &StageTimes::report_ms},
};

/// "checkout 210ms, discovery 2ms, setup 3s, tests 37s, report 4ms" for people; stages that took no
/// time are left out, but for the tests.
std::string StagesText(const StageTimes& stages, std::chrono::milliseconds tests);

}  // namespace committest::api
