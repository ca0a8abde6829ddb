#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "runner-image/test_plan.h"

namespace committest::runner {

/// How `npm test` of a package is made to leave a JUnit report.
struct NpmTest {
  std::vector<std::string> arguments;              ///< For the script's last command.
  std::map<std::string, std::string> environment;  ///< Set unless set already.
  std::string reporter;                            ///< For people: "jest with jest-junit".
  bool has_dependencies = false;                   ///< Whether modules have to be installed.
};

/// Reads a package.json. Known are, by the words of its script "test": vitest; jest, where the
/// package depends on jest-junit; mocha, where it depends on mocha-junit-reporter; node --test.
/// Pure.
///
/// kNotFound says why it cannot be run: no such script, or none of these.
Result<NpmTest> ReadNpmTest(std::string_view package_json, const PlanFiles& files);

}  // namespace committest::runner
