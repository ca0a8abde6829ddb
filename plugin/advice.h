#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace committest::plugin {

/// What docs/operations.md says of a reason, as plain text without links.
struct Advice {
  std::string meaning;
  std::string see;
  std::string act;  ///< What it says behind "Do".
};

/// Real names in place of the page's JOB, POD, NAME and "-n ci"; empty ones stay what they are.
struct AdviceNames {
  std::string namespace_;
  std::string name;
  std::string job;
  std::string pod;
};

/// The section "#### `reason`" of the page. All members are empty when there is none. Pure.
Advice AdviceOn(std::string_view page, std::string_view reason, const AdviceNames& names);

/// docs/operations.md as it was when the program was built.
std::string_view OperationsPage();

}  // namespace committest::plugin
