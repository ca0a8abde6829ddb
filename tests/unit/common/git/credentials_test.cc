#include "common/git/credentials.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "common/api/reasons.h"
#include "common/base/strings.h"

namespace committest::git {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kCanary = "canary-0123456789";

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

std::string TextOf(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

Key MakeRsaKey(int bits) { return {EVP_RSA_gen(static_cast<unsigned>(bits)), &EVP_PKEY_free}; }

std::string PemOf(const Key& key, const char* passphrase = nullptr) {
  const Bio bio(BIO_new(BIO_s_mem()), &BIO_free);
  const auto* cipher = passphrase == nullptr ? nullptr : EVP_aes_128_cbc();
  PEM_write_bio_PrivateKey(bio.get(), key.get(), cipher, nullptr, 0, nullptr,
                           const_cast<char*>(passphrase));
  return TextOf(bio);
}

const std::string& RsaPem() {
  static const std::string kPem = PemOf(MakeRsaKey(2048));
  return kPem;
}

// Self-signed, for nobody.
std::string Certificate() {
  const Key key = MakeRsaKey(2048);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  const Bio bio(BIO_new(BIO_s_mem()), &BIO_free);
  PEM_write_bio_X509(bio.get(), certificate.get());
  return TextOf(bio);
}

// As ssh-keygen writes it; the rest of the file does not matter here.
std::string OpensshKey(const std::string& cipher) {
  std::string body("openssh-key-v1\0\0\0\0", 18);
  body.push_back(static_cast<char>(cipher.size()));
  body.append(cipher).append(40, 'k');
  return "-----BEGIN OPENSSH PRIVATE KEY-----\n" + EncodeBase64(body) +
         "\n-----END OPENSSH PRIVATE KEY-----\n";
}

constexpr const char* kKnownHosts = "git.example ssh-ed25519 AAAAC3Nz\n";

SecretData Basic() {
  return {"kubernetes.io/basic-auth", {{"username", "bot"}, {"password", kCanary}}, "1"};
}
SecretData Token() { return {"Opaque", {{"token", kCanary}}, "1"}; }
SecretData Ssh() {
  return {"kubernetes.io/ssh-auth",
          {{"ssh-privatekey", OpensshKey("none")}, {"known_hosts", kKnownHosts}},
          "1"};
}
SecretData App() {
  return {"Opaque", {{"appID", "12"}, {"installationID", "345"}, {"privateKey", RsaPem()}}, "1"};
}

SecretData With(SecretData secret, const std::string& key, const std::string& value) {
  secret.values[key] = value;
  return secret;
}
SecretData Without(SecretData secret, const std::string& key) {
  secret.values.erase(key);
  return secret;
}
SecretData OfType(SecretData secret, const std::string& type) {
  secret.type = type;
  return secret;
}

TEST(ParseCredentials, ReadsEachKind) {
  const auto basic = ParseCredentials("s", Basic());
  ASSERT_TRUE(basic) << basic.error().message;
  EXPECT_EQ(std::get<BasicCredentials>(basic->kind),
            (BasicCredentials{"bot", SecretText(kCanary)}));
  const auto token = ParseCredentials("s", Token());
  ASSERT_TRUE(token) << token.error().message;
  EXPECT_EQ(std::get<BearerCredentials>(token->kind), BearerCredentials{SecretText(kCanary)});
  const auto ssh = ParseCredentials("s", Ssh());
  ASSERT_TRUE(ssh) << ssh.error().message;
  EXPECT_EQ(std::get<SshCredentials>(ssh->kind).known_hosts, kKnownHosts);
  const auto app = ParseCredentials("s", App());
  ASSERT_TRUE(app) << app.error().message;
  EXPECT_EQ(std::get<GithubAppCredentials>(app->kind).api_url, "https://api.github.com");
  EXPECT_EQ(std::get<GithubAppCredentials>(app->kind).installation_id, "345");
}

TEST(ParseCredentials, TakesAuthoritiesBesideEachKind) {
  const std::string pem = Certificate();
  for (const SecretData& secret : {Basic(), Token(), Ssh(), App()}) {
    const auto credentials = ParseCredentials("s", With(secret, "ca.crt", pem + pem));
    ASSERT_TRUE(credentials) << credentials.error().message;
    EXPECT_EQ(credentials->ca_pem, pem + pem);
  }
}

TEST(ParseCredentials, LeavesKeysAloneThatNoKindKnows) {
  EXPECT_TRUE(ParseCredentials("s", With(Basic(), "webhook", "x")));
  EXPECT_TRUE(ParseCredentials("s", With(Ssh(), "ssh-publickey", "x")));
}

TEST(ParseCredentials, TakesOneLineEndAway) {
  const auto unix = ParseCredentials("s", With(Token(), "token", "abc\n"));
  const auto windows = ParseCredentials("s", With(Basic(), "password", "a b\r\n"));
  ASSERT_TRUE(unix && windows);
  EXPECT_EQ(std::get<BearerCredentials>(unix->kind).token, SecretText("abc"));
  EXPECT_EQ(std::get<BasicCredentials>(windows->kind).password, SecretText("a b"));
}

TEST(ParseCredentials, GivesAKeyTheLastLineEndThatSshWants) {
  std::string key = OpensshKey("none");
  key.pop_back();
  const auto ssh = ParseCredentials("s", With(Ssh(), "ssh-privatekey", key));
  ASSERT_TRUE(ssh) << ssh.error().message;
  EXPECT_EQ(std::get<SshCredentials>(ssh->kind).private_key.Reveal(), key + "\n");
}

struct Wrong {
  const char* name;
  SecretData secret;
  const char* told;  ///< Part of the message.
};

std::vector<Wrong> AllWrong() {
  const std::string canary = kCanary;
  return {
      {"a type that is not known", OfType(Basic(), "kubernetes.io/tls"), "has the type"},
      {"a type with a line break", OfType(Basic(), "x\ny"), "'x y'"},
      {"an Opaque Secret without anything", {"Opaque", {}, "1"}, "neither the key token"},
      {"a password in an Opaque Secret", OfType(Basic(), "Opaque"), "kubernetes.io/basic-auth"},
      {"an ssh key in an Opaque Secret", OfType(Ssh(), "Opaque"), "kubernetes.io/ssh-auth"},
      {"no user name", Without(Basic(), "username"), "key username is missing"},
      {"no password", Without(Basic(), "password"), "key password is missing"},
      {"an empty user name", With(Basic(), "username", ""), "key username is empty"},
      {"an empty password", With(Basic(), "password", "\n"), "key password is empty"},
      {"a colon in the user name", With(Basic(), "username", "a:b"), "has a colon"},
      {"a long user name", With(Basic(), "username", std::string(256, 'u')), "longer than 255"},
      {"a password of two lines", With(Basic(), "password", canary + "\nx"), "several lines"},
      {"a header in the password", With(Basic(), "password", canary + "\r\nX: y"), "several lines"},
      {"a zero byte in the password", With(Basic(), "password", std::string("a\0b", 3)), "control"},
      {"a long password", With(Basic(), "password", std::string(6001, 'p')), "longer than 6000"},
      {"a token beside a password", With(Basic(), "token", canary), "exactly one kind"},
      {"a key beside a password", With(Basic(), "ssh-privatekey", canary), "exactly one kind"},
      {"an App beside a password", With(Basic(), "appID", "1"), "exactly one kind"},
      {"an empty token", With(Token(), "token", ""), "key token is empty"},
      {"a token with a space", With(Token(), "token", canary + " x"), "RFC 6750"},
      {"a password beside a token", With(Token(), "password", canary), "exactly one kind"},
      {"an App beside a token", With(Token(), "privateKey", canary), "exactly one kind"},
      {"no key", Without(Ssh(), "ssh-privatekey"), "key ssh-privatekey is missing"},
      {"what is no key", With(Ssh(), "ssh-privatekey", canary), "is no private key"},
      {"a public key", With(Ssh(), "ssh-privatekey", "-----BEGIN PUBLIC KEY-----\n"),
       "is no private key"},
      {"a key with a passphrase", With(Ssh(), "ssh-privatekey", OpensshKey("aes256-ctr")),
       "has a passphrase"},
      {"a PEM key with a passphrase",
       With(Ssh(), "ssh-privatekey", PemOf(MakeRsaKey(2048), "secret")), "has a passphrase"},
      {"no known hosts", Without(Ssh(), "known_hosts"), "key known_hosts is missing"},
      {"empty known hosts", With(Ssh(), "known_hosts", "# none\n\n"), "names no host"},
      {"known hosts without a key", With(Ssh(), "known_hosts", "git.example\n"), "names no host"},
      {"only revoked hosts", With(Ssh(), "known_hosts", "@revoked git.example ssh-rsa AA\n"),
       "names no host"},
      {"a password beside a key", With(Ssh(), "password", canary), "exactly one kind"},
      {"no App", Without(App(), "appID"), "key appID is missing"},
      {"no installation", Without(App(), "installationID"), "key installationID is missing"},
      {"no key of the App", Without(App(), "privateKey"), "key privateKey is missing"},
      {"a name for an App", With(App(), "appID", canary), "key appID is not a number"},
      {"a path for an installation", With(App(), "installationID", "1/../2"), "is not a number"},
      {"a large App", With(App(), "appID", std::string(21, '1')), "longer than 20"},
      {"no key in the App's key", With(App(), "privateKey", canary), "is not an RSA key"},
      {"a short key of the App", With(App(), "privateKey", PemOf(MakeRsaKey(1024))),
       "is not an RSA key"},
      {"a key of the App with a passphrase",
       With(App(), "privateKey", PemOf(MakeRsaKey(2048), "secret")), "is not an RSA key"},
      {"a password beside an App", With(App(), "password", canary), "exactly one kind"},
      {"an empty URL of the API", With(App(), "apiURL", ""), "key apiURL is empty"},
      {"what is no certificate", With(Token(), "ca.crt", canary), "is not a list of PEM"},
      {"an empty list of certificates", With(Basic(), "ca.crt", ""), "is not a list of PEM"},
      {"a broken certificate",
       With(Ssh(), "ca.crt", Certificate() + "-----BEGIN CERTIFICATE-----\nx\n"),
       "is not a list of PEM"},
  };
}

TEST(ParseCredentials, RefusesEverythingElseWithoutShowingIt) {
  for (const Wrong& wrong : AllWrong()) {
    SCOPED_TRACE(wrong.name);
    const auto credentials = ParseCredentials("deploy", wrong.secret);
    if (credentials) {
      ADD_FAILURE() << "was taken";
      continue;
    }
    EXPECT_EQ(credentials.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(credentials.error().reason, api::reason::kCredentialsInvalid);
    EXPECT_THAT(credentials.error().message,
                AllOf(HasSubstr("Secret deploy "), HasSubstr(wrong.told), Not(HasSubstr(kCanary))));
  }
}

GitUrl Url(const std::string& scheme, const std::string& host = "git.example") {
  return {scheme, host, static_cast<std::uint16_t>(scheme == "http" ? 80 : 443), "/app",
          scheme == "ssh" ? "git" : ""};
}

Credentials Parsed(const SecretData& secret) { return ParseCredentials("s", secret).value(); }

TEST(CheckFit, WantsTheCredentialsThatTheUrlNeeds) {
  EXPECT_TRUE(CheckFit("s", Parsed(Basic()), Url("https")));
  EXPECT_TRUE(CheckFit("s", Parsed(Token()), Url("http")));
  EXPECT_TRUE(CheckFit("s", Parsed(App()), Url("https")));
  EXPECT_TRUE(CheckFit("s", Parsed(Ssh()), Url("ssh")));
  EXPECT_THAT(CheckFit("s", Parsed(Ssh()), Url("https")).error().message, HasSubstr("an ssh key"));
  EXPECT_THAT(CheckFit("s", Parsed(Token()), Url("ssh")).error().message, HasSubstr("no ssh key"));
}

TEST(CheckFit, KeepsCredentialsOfOneHostFromOthers) {
  const Credentials bound = Parsed(With(Basic(), "host", "Git.Example\n"));
  EXPECT_TRUE(CheckFit("s", bound, Url("https")));
  const auto elsewhere = CheckUrl("https://evil.example/app.git", {}).value();
  const Status refused = CheckFit("s", bound, elsewhere);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, api::reason::kCredentialsInvalid);
  EXPECT_THAT(refused.error().message,
              AllOf(HasSubstr("Secret s is for the host git.example alone"),
                    HasSubstr("the repository's URL leads to evil.example")));
  EXPECT_FALSE(ParseCredentials("s", With(Basic(), "host", "")));
}

TEST(CheckFit, LetsAnAppAskOnlyItsOwnHostOrGithub) {
  const auto fits = [](const std::string& api, const GitUrl& url) {
    return CheckFit("s", Parsed(With(App(), "apiURL", api)), url).has_value();
  };
  EXPECT_TRUE(fits("https://api.github.com/", Url("https")));
  EXPECT_TRUE(fits("https://git.example/api/v3", Url("https")));
  EXPECT_FALSE(fits("https://git.example", Url("https")));
  EXPECT_FALSE(fits("https://evil.example/api/v3", Url("https")));
  EXPECT_FALSE(fits("https://git.example:444/api/v3", Url("https")));
  EXPECT_FALSE(fits("https://git.example@evil.example/api/v3", Url("https")));
  EXPECT_FALSE(fits("http://git.example/api/v3", Url("http")));
}

TEST(Access, SaysWhatIsSent) {
  EXPECT_EQ(AccessBy("s", Parsed(Basic())).authorization.Reveal(),
            "Basic " + EncodeBase64(std::string("bot:") + kCanary));
  EXPECT_EQ(AccessBy("s", Parsed(Token())).authorization.Reveal(),
            std::string("Bearer ") + kCanary);
  EXPECT_TRUE(AccessBy("s", Parsed(Ssh())).authorization.IsEmpty());
  EXPECT_EQ(AccessByToken("s", Parsed(App()), SecretText("t0ken")).authorization.Reveal(),
            "Basic " + EncodeBase64("x-access-token:t0ken"));
}

TEST(Access, ScrubsEachFormOfItsSecrets) {
  const Access access = AccessBy("s", Parsed(Basic()));
  const std::string encoded = EncodeBase64(std::string("bot:") + kCanary);
  EXPECT_EQ(access.Scrub("got Basic " + encoded + " and " + kCanary + kCanary + "!"),
            "got Basic *** and ******!");
  const std::string line = OpensshKey("none").substr(36, 40);
  EXPECT_THAT(AccessBy("s", Parsed(Ssh())).Scrub("key " + OpensshKey("none")),
              Not(HasSubstr(line)));
  EXPECT_EQ(Access{}.Scrub("as it is"), "as it is");
}

}  // namespace
}  // namespace committest::git
