#include "common/api/quantity.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace committest::api {
namespace {

TEST(Quantity, ComparesAcrossSuffixes) {
  // Each is less than the next.
  const std::vector<std::string> ascending = {"1n",  "1u",   "1m",    "100m", "0.5", "1",   "1.5",
                                              "2k",  "2Ki",  "1M",    "1Mi",  "1G",  "1Gi", "1.5Gi",
                                              "2e9", "1e10", "100Gi", "1T",   "1Ti", "1P",  "1Ei"};
  for (std::size_t i = 0; i + 1 < ascending.size(); ++i) {
    EXPECT_LT(Quantity::Parse(ascending[i]).value(), Quantity::Parse(ascending[i + 1]).value())
        << ascending[i];
  }
}

TEST(Quantity, KnowsTheSameNumberInOtherWords) {
  for (const auto& [a, b] : std::vector<std::pair<std::string, std::string>>{{"1", "1000m"},
                                                                             {"0.5", "500m"},
                                                                             {"1Ki", "1024"},
                                                                             {"1e3", "1k"},
                                                                             {"1E3", "1k"},
                                                                             {"+1", "1"},
                                                                             {"1.", "1"},
                                                                             {".5", "500m"},
                                                                             {"1e-3", "1m"},
                                                                             {"0.1n", "1n"}}) {
    EXPECT_EQ(Quantity::Parse(a).value(), Quantity::Parse(b).value()) << a << " and " << b;
  }
}

TEST(Quantity, CountsWholeUnitsUpwards) {
  for (const auto& [text, units] :
       std::vector<std::pair<std::string, std::int64_t>>{{"512Mi", 536'870'912},
                                                         {"1G", 1'000'000'000},
                                                         {"1.5Ki", 1'536},
                                                         {"1500m", 2},
                                                         {"1n", 1},
                                                         {"9900P", INT64_MAX}}) {
    EXPECT_EQ(Quantity::Parse(text).value().Ceiling(), units) << text;
  }
}

TEST(Quantity, RefusesWhatIsNone) {
  for (const char* text :
       {"", "0", "0.0", "-1", "m", ".", "1.2.3", "1 ", " 1", "1Kib", "1K", "1mi", "1e", "1e99",
        "0x10", "much", "99999999999999999999999999999999", "9999999999999Ei"}) {
    const auto quantity = Quantity::Parse(text);
    ASSERT_FALSE(quantity) << text;
    EXPECT_NE(quantity.error().message.find("expected a quantity"), std::string::npos);
  }
}

}  // namespace
}  // namespace committest::api
