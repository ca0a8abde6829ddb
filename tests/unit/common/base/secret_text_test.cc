#include "common/base/secret_text.h"

#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>

#include <gtest/gtest.h>

#include "common/base/log.h"
#include "common/base/result.h"

namespace committest {
namespace {

template <typename T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };

// None of the ways in which a value gets into a log line or a message takes one.
static_assert(!std::is_constructible_v<log::Field, std::string_view, SecretText>);
static_assert(!std::is_convertible_v<SecretText, std::string>);
static_assert(!std::is_convertible_v<SecretText, std::string_view>);
static_assert(!std::is_convertible_v<std::string, SecretText>);
static_assert(!std::is_constructible_v<std::string, SecretText>);
static_assert(!Printable<SecretText>);

TEST(SecretText, IsSeenOnlyWhereItIsRevealed) {
  EXPECT_EQ(SecretText("x").Reveal(), "x");
  EXPECT_FALSE(SecretText("x").IsEmpty());
  EXPECT_TRUE(SecretText().IsEmpty());
  EXPECT_EQ(SecretText("x"), SecretText("x"));
  EXPECT_NE(SecretText("x"), SecretText("y"));
}

}  // namespace
}  // namespace committest
