#include "common/git/credentials.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "common/api/reasons.h"
#include "common/base/strings.h"

namespace committest::git {
namespace {

constexpr std::string_view kBasicAuth = "kubernetes.io/basic-auth";
constexpr std::string_view kSshAuth = "kubernetes.io/ssh-auth";
constexpr std::string_view kOpaque = "Opaque";
constexpr const char* kCa = "ca.crt";
constexpr const char* kHost = "host";
constexpr const char* kPublicApi = "https://api.github.com";
// Servers take header blocks of 8 KB at most.
constexpr std::size_t kMaxTokenBytes = 6'000;
constexpr std::size_t kMaxUserBytes = 255;
constexpr std::size_t kMaxHostBytes = 253;  // RFC 1035
// Shorter ones would hide half of each message that they are scrubbed from.
constexpr std::size_t kMinScrubbedBytes = 4;
constexpr std::size_t kMinKeyLineBytes = 16;
constexpr int kMinRsaBits = 2048;

Error Invalid(std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message), api::reason::kCredentialsInvalid,
          std::nullopt};
}

// One Secret being read.
class Reader {
 public:
  Reader(std::string_view name, const SecretData& secret) : name_(name), secret_(secret) {}

  bool Has(const char* key) const { return secret_.values.contains(key); }

  tl::unexpected<Error> Refuse(const std::string& why) const {
    return Fail(Invalid("Secret " + name_ + " " + why));
  }
  tl::unexpected<Error> Refuse(const char* key, const std::string& why) const {
    return Refuse(std::string("key ") + key + " " + why);
  }

  // A name, password or token: one line without its end.
  Result<std::string> Line(const char* key, std::size_t limit, const std::string& expected) const {
    auto text = Whole(key, expected);
    if (!text) return text;
    if (text->ends_with('\n')) text->pop_back();
    if (text->ends_with('\r')) text->pop_back();
    if (text->empty()) return Refuse(key, "is empty, expected " + expected);
    if (text->size() > limit) {
      return Refuse(key,
                    "is longer than " + std::to_string(limit) + " bytes, expected " + expected);
    }
    const auto is_control = [](char c) {
      return static_cast<unsigned char>(c) < 0x20 || c == '\x7f';
    };
    if (std::ranges::any_of(*text, is_control)) {
      return Refuse(key, "has control characters or several lines, expected " + expected);
    }
    return text;
  }

  Result<std::string> Whole(const char* key, const std::string& expected) const {
    const auto it = secret_.values.find(key);
    if (it == secret_.values.end()) return Refuse(key, "is missing, expected " + expected);
    return it->second;
  }

  // A key of another kind must not stand beside those of this one.
  Status Without(std::initializer_list<const char*> keys, const char* kind) const {
    for (const char* key : keys) {
      if (Has(key)) {
        return Refuse(key, std::string("does not belong to ") + kind +
                               ", expected the keys of exactly one kind of credentials");
      }
    }
    return {};
  }

 private:
  const std::string name_;
  const SecretData& secret_;
};

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
Bio BioOf(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free};
}

bool IsListOfCertificates(const std::string& pem) {
  const Bio bio = BioOf(pem);
  int count = 0;
  for (;;) {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free);
    if (!certificate) break;
    ++count;
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  return count > 0 && at_end;
}

// Without asking anybody for the passphrase of an encrypted key.
bool IsRsaKey(const std::string& pem) {
  const Bio bio = BioOf(pem);
  const auto no_passphrase = [](char*, int, int, void*) { return -1; };
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr), &EVP_PKEY_free);
  ERR_clear_error();
  return key && EVP_PKEY_base_id(key.get()) == EVP_PKEY_RSA &&
         EVP_PKEY_bits(key.get()) >= kMinRsaBits;
}

bool IsDigits(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

Result<Credentials> ParseBasic(const Reader& reader) {
  constexpr const char* kKind = "kubernetes.io/basic-auth";
  if (auto alone = reader.Without({"token", "ssh-privatekey", "appID", "privateKey"}, kKind);
      !alone) {
    return Fail(std::move(alone.error()));
  }
  auto username = reader.Line("username", kMaxUserBytes, "a user name");
  if (!username) return Fail(std::move(username.error()));
  if (username->find(':') != std::string::npos) {
    return reader.Refuse("username", "has a colon, which HTTP does not allow in a user name");
  }
  auto password = reader.Line("password", kMaxTokenBytes, "a password or an access token");
  if (!password) return Fail(std::move(password.error()));
  return Credentials{
      BasicCredentials{std::move(*username), SecretText(std::move(*password))}, {}, {}};
}

Result<Credentials> ParseBearer(const Reader& reader) {
  constexpr const char* kKind = "a token";
  if (auto alone = reader.Without(
          {"username", "password", "ssh-privatekey", "appID", "installationID", "privateKey"},
          kKind);
      !alone) {
    return Fail(std::move(alone.error()));
  }
  auto token = reader.Line("token", kMaxTokenBytes, "a bearer token");
  if (!token) return Fail(std::move(token.error()));
  // RFC 6750, 2.1.
  const auto is_allowed = [](char c) {
    return IsAlphanumeric(c) || std::string_view("-._~+/=").find(c) != std::string_view::npos;
  };
  if (!std::ranges::all_of(*token, is_allowed)) {
    return reader.Refuse("token", "has characters that no bearer token has (RFC 6750)");
  }
  return Credentials{BearerCredentials{SecretText(std::move(*token))}, {}, {}};
}

// Of OpenSSH's own format: "openssh-key-v1", a zero byte, then the cipher's name with its length.
bool IsEncryptedOpensshKey(std::string_view pem) {
  constexpr std::string_view kMagicAndNone("openssh-key-v1\0\0\0\0\4none", 23);
  constexpr std::string_view kBegin = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
  const auto at = pem.find(kBegin);
  if (at == std::string_view::npos) return false;
  // 30 bytes of base64 hold the 22 that count.
  std::string head(pem.substr(at + kBegin.size(), 32));
  std::array<unsigned char, 24> bytes{};
  if (head.size() < 32) return false;
  EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(head.data()), 32);
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), kMagicAndNone.size()) !=
         kMagicAndNone;
}

Result<Credentials> ParseSsh(const Reader& reader) {
  constexpr const char* kKind = "kubernetes.io/ssh-auth";
  if (auto alone = reader.Without({"token", "username", "password", "appID", "privateKey"}, kKind);
      !alone) {
    return Fail(std::move(alone.error()));
  }
  auto key = reader.Whole("ssh-privatekey", "a private key without a passphrase");
  if (!key) return Fail(std::move(key.error()));
  std::erase(*key, '\r');
  if (key->find("-----BEGIN ") == std::string::npos ||
      key->find(" PRIVATE KEY-----") == std::string::npos) {
    return reader.Refuse("ssh-privatekey",
                         "is no private key, expected one as ssh-keygen writes it");
  }
  // ssh takes a key without its last line end for a broken one.
  if (!key->ends_with('\n')) key->push_back('\n');
  if (key->find("ENCRYPTED") != std::string::npos || IsEncryptedOpensshKey(*key)) {
    return reader.Refuse("ssh-privatekey", "has a passphrase, expected a key without one");
  }
  auto known_hosts = reader.Whole("known_hosts", "the host's keys as ssh-keyscan prints them");
  if (!known_hosts) return Fail(std::move(known_hosts.error()));
  std::erase(*known_hosts, '\r');
  const auto is_entry = [](const std::string& line) {
    const std::string_view text = Trim(line);
    return !text.empty() && !text.starts_with('#') && !text.starts_with("@revoked") &&
           std::ranges::count(text, ' ') >= 2;
  };
  if (!std::ranges::any_of(Split(*known_hosts, '\n'), is_entry)) {
    return reader.Refuse("known_hosts",
                         "names no host with its key, expected lines as ssh-keyscan prints them");
  }
  return Credentials{SshCredentials{SecretText(std::move(*key)), std::move(*known_hosts)}, {}, {}};
}

Result<Credentials> ParseGithubApp(const Reader& reader) {
  constexpr const char* kKind = "a GitHub App";
  if (auto alone = reader.Without({"token", "username", "password", "ssh-privatekey"}, kKind);
      !alone) {
    return Fail(std::move(alone.error()));
  }
  GithubAppCredentials app;
  for (const auto& [key, target] :
       {std::pair{"appID", &app.app_id}, std::pair{"installationID", &app.installation_id}}) {
    auto id = reader.Line(key, 20, "a number");
    if (!id) return Fail(std::move(id.error()));
    if (!IsDigits(*id)) return reader.Refuse(key, "is not a number");
    *target = std::move(*id);
  }
  auto private_key = reader.Whole("privateKey", "the App's private key");
  if (!private_key) return Fail(std::move(private_key.error()));
  if (!IsRsaKey(*private_key)) {
    return reader.Refuse("privateKey",
                         "is not an RSA key of at least 2048 bits in PEM without a passphrase");
  }
  app.private_key = SecretText(std::move(*private_key));
  app.api_url = kPublicApi;
  if (reader.Has("apiURL")) {
    auto api_url = reader.Line("apiURL", 2048, "a URL");
    if (!api_url) return Fail(std::move(api_url.error()));
    while (api_url->ends_with('/')) api_url->pop_back();
    app.api_url = std::move(*api_url);
  }
  return Credentials{std::move(app), {}, {}};
}

Result<Credentials> ParseKind(const Reader& reader, std::string_view type) {
  if (type == kBasicAuth) return ParseBasic(reader);
  if (type == kSshAuth) return ParseSsh(reader);
  if (type != kOpaque) {
    return reader.Refuse("has the type '" + Truncate(OneLine(type), 100) +
                         "', expected kubernetes.io/basic-auth, kubernetes.io/ssh-auth or Opaque");
  }
  if (reader.Has("token")) return ParseBearer(reader);
  if (reader.Has("appID") || reader.Has("installationID") || reader.Has("privateKey")) {
    return ParseGithubApp(reader);
  }
  return reader.Refuse(
      "has the type Opaque and neither the key token nor the keys appID, installationID and "
      "privateKey; user names and passwords belong into the type kubernetes.io/basic-auth, ssh "
      "keys into kubernetes.io/ssh-auth");
}

void AddSecret(Access& access, std::string text) {
  if (text.size() >= kMinScrubbedBytes) access.secrets.emplace_back(std::move(text));
}

// Each line of a key: nothing sends a key, but a program could quote one of its lines.
void AddKey(Access& access, const SecretText& key) {
  for (std::string& line : Split(key.Reveal(), '\n')) {
    if (line.size() >= kMinKeyLineBytes && !line.starts_with("-----")) {
      access.secrets.emplace_back(std::move(line));
    }
  }
}

void UseBasic(Access& access, const std::string& username, const SecretText& password) {
  std::string encoded = EncodeBase64(username + ":" + password.Reveal());
  access.authorization = SecretText("Basic " + encoded);
  AddSecret(access, std::move(encoded));
  AddSecret(access, password.Reveal());
}

}  // namespace

Result<Credentials> ParseCredentials(std::string_view name, const SecretData& secret) {
  const Reader reader(name, secret);
  auto credentials = ParseKind(reader, secret.type);
  if (!credentials) return credentials;
  if (reader.Has(kHost)) {
    auto host = reader.Line(kHost, kMaxHostBytes, "the name of a host, without scheme and port");
    if (!host) return Fail(std::move(host.error()));
    credentials->host = Lower(*host);
  }
  if (!reader.Has(kCa)) return credentials;
  credentials->ca_pem = secret.values.at(kCa);
  if (!IsListOfCertificates(credentials->ca_pem)) {
    return reader.Refuse(kCa, "is not a list of PEM certificates");
  }
  return credentials;
}

Status CheckFit(std::string_view name, const Credentials& credentials, const GitUrl& url) {
  const std::string secret = "Secret " + std::string(name) + " ";
  if (!credentials.host.empty() && credentials.host != url.host) {
    return Fail(Invalid(secret + "is for the host " + credentials.host + " alone (its key host), " +
                        "but the repository's URL leads to " + url.host));
  }
  const bool is_key = std::holds_alternative<SshCredentials>(credentials.kind);
  if (is_key && url.scheme != "ssh") {
    return Fail(Invalid(secret + "holds an ssh key, but the repository's URL begins with " +
                        url.scheme + "://, expected ssh://user@host/path"));
  }
  if (!is_key && url.scheme == "ssh") {
    return Fail(Invalid(secret +
                        "holds no ssh key, which the repository's URL needs, expected the type "
                        "kubernetes.io/ssh-auth"));
  }
  const auto* app = std::get_if<GithubAppCredentials>(&credentials.kind);
  if (app == nullptr || app->api_url == kPublicApi) return {};
  if (url.scheme != "https" || app->api_url != url.Origin() + "/api/v3") {
    return Fail(Invalid(secret + "key apiURL is neither " + kPublicApi + " nor https://" +
                        url.host + "/api/v3, the API of the repository's own host"));
  }
  return {};
}

std::string Access::Scrub(std::string_view text) const {
  std::string out(text);
  for (const SecretText& secret : secrets) {
    const std::string& value = secret.Reveal();
    for (auto at = out.find(value); at != std::string::npos; at = out.find(value, at)) {
      out.replace(at, value.size(), "***");
      at += 3;
    }
  }
  return out;
}

Access AccessBy(std::string_view name, const Credentials& credentials) {
  Access access;
  access.secret_name = name;
  access.ca_pem = credentials.ca_pem;
  if (const auto* basic = std::get_if<BasicCredentials>(&credentials.kind)) {
    UseBasic(access, basic->username, basic->password);
  } else if (const auto* bearer = std::get_if<BearerCredentials>(&credentials.kind)) {
    access.authorization = SecretText("Bearer " + bearer->token.Reveal());
    AddSecret(access, bearer->token.Reveal());
  } else if (const auto* ssh = std::get_if<SshCredentials>(&credentials.kind)) {
    access.ssh = *ssh;
    AddKey(access, ssh->private_key);
  }
  return access;
}

Access AccessByToken(std::string_view name, const Credentials& credentials,
                     const SecretText& token) {
  Access access;
  access.secret_name = name;
  access.ca_pem = credentials.ca_pem;
  UseBasic(access, "x-access-token", token);
  if (const auto* app = std::get_if<GithubAppCredentials>(&credentials.kind)) {
    AddKey(access, app->private_key);
  }
  return access;
}

}  // namespace committest::git
