// What a Git server answers. An input is the patterns of interest on its first line, separated by
// spaces, and the answer.
#include <algorithm>
#include <optional>

#include "common/api/commit_id.h"
#include "observer/ls_refs.h"
#include "observer/pkt_line.h"
#include "tests/fuzz/fuzz.h"

namespace committest::observer {
namespace {

using fuzz::Expect;

// Patterns that are refused are left out: they never get as far as a question.
std::vector<RefPattern> Patterns(std::string_view line) {
  std::vector<RefPattern> patterns;
  for (const std::string& text : Split(line, ' ')) {
    if (auto pattern = RefPattern::Parse(text)) patterns.push_back(std::move(*pattern));
  }
  return patterns;
}

void CheckPkts(std::string_view body) {
  PktReader reader(body);
  for (std::size_t read = 0; read <= body.size() / 4 + 1; ++read) {
    const auto pkt = reader.Next();
    if (!pkt || pkt->type == PktType::kEnd) return;
    const bool has_payload = pkt->type == PktType::kData || pkt->type == PktType::kError;
    Expect(has_payload || pkt->payload.empty(), "only data and errors have a payload");
    Expect(pkt->payload.empty() ||
               (pkt->payload.data() >= body.data() &&
                pkt->payload.data() + pkt->payload.size() <= body.data() + body.size()),
           "a payload lies in the answer");
    if (pkt->type != PktType::kData) continue;
    const std::string encoded = EncodePkt(pkt->payload);
    const auto again = PktReader(encoded).Next();
    Expect(again && again->payload.size() + 1 >= pkt->payload.size(), "it can be sent again");
  }
  Expect(false, "reading comes to an end");
}

void CheckRefs(const RemoteRefs& refs) {
  const auto& list = refs.refs;
  Expect(std::ranges::is_sorted(list, {}, &RemoteRef::name) &&
             std::ranges::adjacent_find(list, {}, &RemoteRef::name) == list.end(),
         "refs are sorted and stand there once");
  for (const RemoteRef& ref : list) {
    Expect(IsAllowedRefName(ref.name), "a ref's name is safe to use");
    Expect(api::IsCommitId(ref.commit), "a ref points to an object name");
  }
  Expect(refs.head_ref.empty() || IsAllowedRefName(refs.head_ref), "HEAD's ref is safe to use");
}

// What was asked for: the branch of HEAD, or what the patterns match.
void CheckWanted(const RemoteRefs& refs, const std::vector<RefPattern>& patterns) {
  CheckRefs(refs);
  if (patterns.empty()) {
    Expect(refs.refs.size() <= 1, "HEAD is one branch");
    Expect(refs.refs.empty() ? refs.head_ref.empty() : refs.refs[0].name == refs.head_ref,
           "the branch is HEAD's");
    return;
  }
  Expect(refs.head_ref.empty(), "nobody asked for HEAD");
  for (const RemoteRef& ref : refs.refs) {
    const auto wants = [&](const RefPattern& pattern) {
      return pattern.Matches(ref.name) && ref.name.starts_with(pattern.LiteralPrefix());
    };
    Expect(std::ranges::any_of(patterns, wants), "a ref is one that was asked for");
  }
}

// The same refs as an honest server would send them.
std::string Answer(const RemoteRefs& refs) {
  std::string body;
  for (const RemoteRef& ref : refs.refs) {
    const bool is_head = ref.name == refs.head_ref;
    body += EncodePkt(is_head ? ref.commit + " HEAD symref-target:" + ref.name + "\n"
                              : ref.commit + " " + ref.name + "\n");
  }
  return body.append(kFlushPkt);
}

}  // namespace
}  // namespace committest::observer

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace committest::observer;
  std::string_view body = committest::fuzz::Text(data, size);
  const std::vector<RefPattern> patterns = Patterns(committest::fuzz::TakeLine(body));
  CheckPkts(body);
  if (auto refs = DecodeLsRefs(body, patterns)) {
    CheckWanted(*refs, patterns);
    const auto again = DecodeLsRefs(Answer(*refs), patterns);
    refs->refused = 0;
    Expect(again.has_value() && *again == *refs, "refs that are sent again read the same");
  }
  if (const auto advertisement = DecodeAdvertisement(body)) {
    CheckRefs(advertisement->refs);
    CheckWanted(FilterRefs(advertisement->refs, patterns), patterns);
    const int protocol = advertisement->capabilities.protocol;
    Expect(protocol == 0 || (protocol == 2 && advertisement->refs.refs.empty()),
           "a server of version 2 has sent no refs");
    const std::string question = EncodeLsRefs(advertisement->capabilities, patterns);
    Expect(question.ends_with(kFlushPkt), "the question is whole");
  }
  return 0;
}
