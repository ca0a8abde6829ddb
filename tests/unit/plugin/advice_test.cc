#include "plugin/advice.h"

#include <fstream>
#include <regex>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace committest::plugin {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kPage = R"(
#### A
It means
this, see [B](#b) and [C](c.md#c).
- **See**: `kubectl get pod POD -n ci`; JOBS stay, and `kubectl logs job/JOB`
  of NAME.
- **Do**: nothing.

#### AB
Another.
- **See**: x
- **Do**: y

### Next
)";

TEST(Advice, IsWhatThePageSaysWithoutLinksAndWithRealNames) {
  const Advice advice = AdviceOn(kPage, "A", {"tests", "app-1", "job-1", "pod-1"});
  EXPECT_EQ(advice.meaning, "It means this, see B and C.");
  EXPECT_EQ(advice.see,
            "`kubectl get pod pod-1 -n tests`; JOBS stay, and `kubectl logs job/job-1` of app-1.");
  EXPECT_EQ(advice.act, "nothing.");
}

TEST(Advice, EndsWithItsSection) { EXPECT_EQ(AdviceOn(kPage, "AB", {}).act, "y"); }

TEST(Advice, KeepsTheWordsOfNamesThatAreNotKnown) {
  EXPECT_THAT(AdviceOn(kPage, "A", {}).see, HasSubstr("pod POD -n ci"));
}

TEST(Advice, IsEmptyForAReasonThatThePageDoesNotHave) {
  EXPECT_EQ(AdviceOn(kPage, "C", {}).meaning, "");
  EXPECT_EQ(AdviceOn("", "A", {}).meaning, "");
}

TEST(Advice, IsThereForEachReasonOfThePageInTheProgram) {
  const std::string page(OperationsPage());
  const std::regex heading("\n#### ([A-Za-z]+)\n");
  int sections = 0;
  for (std::sregex_iterator it(page.begin(), page.end(), heading), end; it != end; ++it) {
    const Advice advice = AdviceOn(page, (*it)[1].str(), {});
    EXPECT_NE(advice.meaning, "") << (*it)[1];
    EXPECT_NE(advice.act, "") << (*it)[1];
    EXPECT_THAT(advice.see + advice.act, Not(HasSubstr("]("))) << (*it)[1];
    ++sections;
  }
  EXPECT_GT(sections, 40);
}

}  // namespace
}  // namespace committest::plugin
