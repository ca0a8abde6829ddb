#include "observer/ls_refs.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "common/api/commit_id.h"
#include "common/base/strings.h"
#include "observer/pkt_line.h"

namespace committest::observer {
namespace {

constexpr std::string_view kSymrefTarget = "symref-target:";
constexpr std::string_view kPeeled = "peeled:";
constexpr std::string_view kPeeledSuffix = "^{}";

Error Malformed(const char* what) { return {ErrorCode::kDataLoss, what, {}, std::nullopt}; }

Error RemoteError(std::string_view text) {
  return {ErrorCode::kUnavailable,
          "the Git server says: " + Truncate(OneLine(text), 300),
          {},
          std::nullopt};
}

// Like `Next`, but an ERR line is an error.
Result<Pkt> NextPkt(PktReader& reader) {
  auto pkt = reader.Next();
  if (pkt && pkt->type == PktType::kError) return Fail(RemoteError(pkt->payload));
  return pkt;
}

// The text before the first `separator`; `text` keeps what follows it.
std::string_view TakeUntil(std::string_view& text, char separator) {
  const auto at = text.find(separator);
  const std::string_view head = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return head;
}

// Sorted by name; of refs that were sent twice the first counts.
std::vector<RemoteRef> SortedByName(std::vector<RemoteRef> refs) {
  std::map<std::string, std::string> by_name;
  for (RemoteRef& ref : refs) by_name.try_emplace(std::move(ref.name), std::move(ref.commit));
  refs.clear();
  for (const auto& [name, commit] : by_name) refs.push_back({name, commit});
  return refs;
}

bool IsWanted(std::string_view name, const std::vector<RefPattern>& patterns) {
  return std::ranges::any_of(patterns, [&](const RefPattern& p) { return p.Matches(name); });
}

// One line of a v2 answer: "<id> <name>[ symref-target:<ref>][ peeled:<id>]"; the id is "unborn"
// for a HEAD whose branch has no commit yet.
struct LsRefsLine {
  std::string_view id;
  std::string_view name;
  std::string_view symref_target;
};

Result<LsRefsLine> ParseLine(std::string_view line) {
  LsRefsLine parsed;
  parsed.id = TakeUntil(line, ' ');
  parsed.name = TakeUntil(line, ' ');
  if (parsed.id != "unborn" && !api::IsCommitId(parsed.id)) {
    return Fail(Malformed("an ls-refs line does not begin with an object name"));
  }
  if (parsed.name.empty()) return Fail(Malformed("an ls-refs line names no ref"));
  while (!line.empty()) {
    std::string_view attribute = TakeUntil(line, ' ');
    if (attribute.starts_with(kSymrefTarget)) {
      parsed.symref_target = attribute.substr(kSymrefTarget.size());
    } else if (attribute.starts_with(kPeeled)) {
      parsed.id = attribute.substr(kPeeled.size());
      if (!api::IsCommitId(parsed.id)) {
        return Fail(Malformed("a peeled value of an ls-refs line is no object name"));
      }
    }
  }
  return parsed;
}

// Collects the lines of a v2 answer.
class LsRefsCollector {
 public:
  explicit LsRefsCollector(const std::vector<RefPattern>& patterns) : patterns_(patterns) {}

  void Add(const LsRefsLine& line) {
    if (line.name == "HEAD") {
      if (patterns_.empty()) TakeHead(line);
      return;
    }
    if (!IsAllowedRefName(line.name)) {
      ++refs_.refused;
      return;
    }
    if (line.id != "unborn" && IsWanted(line.name, patterns_)) {
      refs_.refs.push_back({std::string(line.name), std::string(line.id)});
    }
  }

  RemoteRefs Finish() && {
    refs_.refs = SortedByName(std::move(refs_.refs));
    return std::move(refs_);
  }

 private:
  void TakeHead(const LsRefsLine& line) {
    if (line.symref_target.empty() || line.id == "unborn") return;
    // Of a HEAD that was sent twice the first counts, as of any ref.
    if (!refs_.head_ref.empty()) return;
    if (!IsAllowedRefName(line.symref_target)) {
      ++refs_.refused;
      return;
    }
    refs_.head_ref = line.symref_target;
    refs_.refs.push_back({refs_.head_ref, std::string(line.id)});
  }

  const std::vector<RefPattern>& patterns_;
  RemoteRefs refs_;
};

// v2: capability lines until a flush.
Result<Advertisement> DecodeCapabilities(PktReader& reader) {
  constexpr std::string_view kObjectFormat = "object-format=";
  Advertisement result;
  result.capabilities.protocol = 2;
  bool has_ls_refs = false;
  std::string format = "sha1";
  for (;;) {
    auto pkt = NextPkt(reader);
    if (!pkt) return Fail(std::move(pkt.error()));
    if (pkt->type == PktType::kFlush) break;
    if (pkt->type != PktType::kData) {
      return Fail(Malformed("the capability advertisement ends without a flush"));
    }
    if (pkt->payload == "ls-refs" || pkt->payload.starts_with("ls-refs=")) has_ls_refs = true;
    if (pkt->payload.starts_with(kObjectFormat)) {
      result.capabilities.announces_object_format = true;
      format = pkt->payload.substr(kObjectFormat.size());
    }
  }
  if (!has_ls_refs) return Fail(Malformed("the Git server does not offer ls-refs"));
  if (format != "sha1" && format != "sha256") {
    return Fail(Malformed("the Git server uses an unknown object format"));
  }
  if (format == "sha256") result.capabilities.object_format = ObjectFormat::kSha256;
  return result;
}

void ReadV0Capabilities(std::string_view text, Advertisement& result) {
  constexpr std::string_view kHeadSymref = "symref=HEAD:";
  while (!text.empty()) {
    const std::string_view word = TakeUntil(text, ' ');
    if (word.starts_with(kHeadSymref)) {
      const std::string_view target = word.substr(kHeadSymref.size());
      if (IsAllowedRefName(target)) result.refs.head_ref = target;
    } else if (word == "object-format=sha256") {
      result.capabilities.object_format = ObjectFormat::kSha256;
    }
  }
}

// One v0 line: "<id> <name>"; a name that ends with "^{}" says what the tag before it points to.
Status AddV0Line(std::string_view line, RemoteRefs& refs) {
  const std::string_view id = TakeUntil(line, ' ');
  if (!api::IsCommitId(id) || line.empty()) {
    return Fail(Malformed("a line of the ref advertisement is no object name and ref"));
  }
  if (line == "HEAD") return {};
  if (line.ends_with(kPeeledSuffix)) {
    line.remove_suffix(kPeeledSuffix.size());
    if (!refs.refs.empty() && refs.refs.back().name == line) refs.refs.back().commit = id;
    return {};
  }
  if (!IsAllowedRefName(line)) {
    ++refs.refused;
    return {};
  }
  refs.refs.push_back({std::string(line), std::string(id)});
  return {};
}

Result<Advertisement> DecodeV0Refs(PktReader& reader, Pkt pkt) {
  Advertisement result;
  bool is_first = true;
  while (pkt.type != PktType::kFlush) {
    if (pkt.type != PktType::kData) {
      return Fail(Malformed("the ref advertisement ends without a flush"));
    }
    if (pkt.payload != "version 1") {
      std::string_view rest = pkt.payload;
      const std::string_view line = is_first ? TakeUntil(rest, '\0') : rest;
      if (is_first) ReadV0Capabilities(rest, result);
      is_first = false;
      if (auto status = AddV0Line(line, result.refs); !status) return Fail(status.error());
    }
    auto next = NextPkt(reader);
    if (!next) return Fail(std::move(next.error()));
    pkt = *next;
  }
  result.refs.refs = SortedByName(std::move(result.refs.refs));
  return result;
}

}  // namespace

Result<Advertisement> DecodeAdvertisement(std::string_view body, std::string_view* rest) {
  PktReader reader(body);
  auto pkt = NextPkt(reader);
  if (!pkt) return Fail(std::move(pkt.error()));
  // Smart HTTP begins with the service's name and a flush; a v2 server may leave both out.
  if (pkt->type == PktType::kData && pkt->payload == "# service=git-upload-pack") {
    pkt = NextPkt(reader);
    if (pkt && pkt->type == PktType::kFlush) pkt = NextPkt(reader);
    if (!pkt) return Fail(std::move(pkt.error()));
  }
  if (pkt->type == PktType::kEnd) {
    return Fail(Malformed("the ref advertisement ends without a flush"));
  }
  const bool is_v2 = pkt->type == PktType::kData && pkt->payload == "version 2";
  auto advertisement = is_v2 ? DecodeCapabilities(reader) : DecodeV0Refs(reader, *pkt);
  if (rest != nullptr) *rest = reader.Rest();
  return advertisement;
}

std::string EncodeLsRefs(const ServerCapabilities& server,
                         const std::vector<RefPattern>& patterns) {
  const bool may_match_tags = std::ranges::any_of(patterns, [](const RefPattern& pattern) {
    return !pattern.LiteralPrefix().starts_with("refs/heads/");
  });
  std::string body = EncodePkt("command=ls-refs\n");
  body.append(EncodePkt("agent=committest/" COMMITTEST_VERSION "\n"));
  if (server.announces_object_format) {
    const bool is_sha256 = server.object_format == ObjectFormat::kSha256;
    body.append(EncodePkt(is_sha256 ? "object-format=sha256\n" : "object-format=sha1\n"));
  }
  body.append(kDelimPkt);
  if (may_match_tags) body.append(EncodePkt("peel\n"));
  if (patterns.empty()) {
    body.append(EncodePkt("symrefs\n"));
    body.append(EncodePkt("ref-prefix HEAD\n"));
  }
  for (const RefPattern& pattern : patterns) {
    body.append(EncodePkt("ref-prefix " + pattern.LiteralPrefix() + "\n"));
  }
  return body.append(kFlushPkt);
}

Result<RemoteRefs> DecodeLsRefs(std::string_view body, const std::vector<RefPattern>& patterns) {
  PktReader reader(body);
  LsRefsCollector collector(patterns);
  for (;;) {
    auto pkt = NextPkt(reader);
    if (!pkt) return Fail(std::move(pkt.error()));
    if (pkt->type == PktType::kFlush) return std::move(collector).Finish();
    if (pkt->type != PktType::kData) {
      return Fail(Malformed("the answer to ls-refs ends without a flush"));
    }
    auto line = ParseLine(pkt->payload);
    if (!line) return Fail(std::move(line.error()));
    collector.Add(*line);
  }
}

RemoteRefs FilterRefs(RemoteRefs all, const std::vector<RefPattern>& patterns) {
  const auto is_unwanted = [&](const RemoteRef& ref) {
    return patterns.empty() ? ref.name != all.head_ref : !IsWanted(ref.name, patterns);
  };
  std::erase_if(all.refs, is_unwanted);
  if (!patterns.empty() || all.refs.empty()) all.head_ref.clear();
  return all;
}

}  // namespace committest::observer
