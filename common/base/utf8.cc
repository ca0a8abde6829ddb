#include "common/base/utf8.h"

#include <array>

namespace committest {
namespace {

struct Shape {
  unsigned char mask;
  unsigned char lead;
  std::size_t length;
  std::uint32_t minimum;
};
constexpr std::array<Shape, 4> kShapes{{{0x80, 0x00, 1, 0x0},
                                        {0xE0, 0xC0, 2, 0x80},
                                        {0xF0, 0xE0, 3, 0x800},
                                        {0xF8, 0xF0, 4, 0x10000}}};

bool IsScalar(std::uint32_t code_point) {
  return code_point <= 0x10FFFF && (code_point < 0xD800 || code_point > 0xDFFF);
}

}  // namespace

Utf8Char DecodeUtf8(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  for (const Shape& shape : kShapes) {
    if ((first & shape.mask) != shape.lead) continue;
    if (text.size() < shape.length) return {};
    std::uint32_t code_point = first & static_cast<unsigned char>(~shape.mask);
    for (std::size_t i = 1; i < shape.length; ++i) {
      const auto next = static_cast<unsigned char>(text[i]);
      if ((next & 0xC0U) != 0x80U) return {};
      code_point = (code_point << 6U) | (next & 0x3FU);
    }
    if (code_point < shape.minimum || !IsScalar(code_point)) return {};
    return {code_point, shape.length, true};
  }
  return {};
}

}  // namespace committest
