#include "corral/config/without_secrets.hpp"

#include <gmock/gmock.h>

namespace corral::config::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string shown(std::string_view text) {
    return without_secrets(text).value_or("no TOML");
}

TEST(without_secrets, what_is_no_secret_stays) {
    const std::string text = shown(R"(# a comment
listen = "127.0.0.1:11434"
keys = "/var/lib/corral/keys"
max_queue = 12
[tls]
certificate = "fullchain.pem"
key = "privkey.pem"
[[models]]
name = "qwen3:4b"
[models.services.runtime]
arguments = ["--port", "8000", "--filename_tokenizer_model", "http://127.0.0.1:12345", "--max_tokens", "many"]
[models.services.runtime.environment]
LD_LIBRARY_PATH = "/usr/lib/axcl"
OMP_NUM_THREADS = "2"
)");
    for (const char* const part :
         {"127.0.0.1:11434", "/var/lib/corral/keys", "12", "fullchain.pem", "privkey.pem", "qwen3:4b", "8000",
          "http://127.0.0.1:12345", "many", "/usr/lib/axcl", "OMP_NUM_THREADS"}) {
        EXPECT_THAT(text, HasSubstr(part));
    }
    EXPECT_THAT(text, Not(HasSubstr("left out")));
    EXPECT_THAT(text, Not(HasSubstr("a comment")));
}

TEST(without_secrets, secrets_go_wherever_they_are) {
    for (const char* const text : {
             "api_key = 'hunter2'",
             "[a]\nPassword = 'hunter2'",
             "auth = ['hunter2', 'hunter2']",
             "token = { of = { deep = 'x' }, token = 'hunter2' }",
             "command = ['serve', '--api-key', 'hunter2']",
             "command = ['serve', '--hf-token=hunter2']",
             "command = ['curl', 'https://anna:hunter2@box.lan/path']",
             "url = 'http://hunter2@127.0.0.1:80'",
             "[services.runtime.environment]\nHF_TOKEN = 'hunter2'\nANY = 'hunter2'",
             "[services.runtime.environment]\nKEY_PATH = 'hunter2'",
             "[[models]]\n[[models.fallbacks]]\nsecret = '''\nhunter2\n'''",
             "command = ['curl', '--header', 'Authorization: Bearer hunter2']",
             "command = ['sh', '-c', 'exec ./run --api-key hunter2']",
             "environment = { LIST = ['hunter2'] }",
             "# hunter2\nport = 1",
         }) {
        const auto shown = without_secrets(text);
        ASSERT_TRUE(shown) << text;
        EXPECT_THAT(*shown, Not(HasSubstr("hunter2"))) << text;
    }
}

TEST(without_secrets, a_secret_is_known_by_its_name) {
    for (const char* const name : {"API_KEY", "--auth-token", "HF_TOKEN", "password", "client.secret",
                                   "x-api-key", "MY_AUTH", "DBPASSWD", "MYKEY", "--pwd", "passphrase"}) {
        EXPECT_TRUE(names_secret(name)) << name;
    }
    for (const char* const name : {"--tokens_embed_num", "tokenizer_url", "--url_tokenizer_model", "PATH"}) {
        EXPECT_FALSE(names_secret(name)) << name;
    }
}

TEST(without_secrets, words_of_a_command_lose_theirs) {
    EXPECT_THAT(
        command_without_secrets({"./run", "--api-key", "abc", "--token=def", "--tokens_embed_num", "5",
                                 "http://me:pw@host/x", "http://host/a@b", "--auth", "abc", "--pwd", "x y",
                                 "KEY=abc", "--key-file", "/etc/x", "--key", "--x", "keycloak:24"}),
        testing::ElementsAre("./run", "--api-key", "(left out)", "--token=(left out)", "--tokens_embed_num",
                             "5", "http://(left out)@host/x", "http://host/a@b", "--auth", "(left out)",
                             "--pwd", "(left out)", "KEY=(left out)", "--key-file", "/etc/x", "--key", "--x",
                             "keycloak:24"));
}

TEST(without_secrets, a_word_with_words_in_it_loses_theirs) {
    const std::pair<const char*, const char*> rows[] = {
        {"Authorization: Bearer abc", "Authorization: (left out)"},
        {"authorization:abc=", "authorization:(left out)"},
        {"--header=X-Api-Key: it's abc", "--header=X-Api-Key: (left out)"},
        {"bearer abc", "bearer (left out)"},
        {"exec ./x --api-key abc --port 80", "exec ./x --api-key (left out) --port 80"},
        {"exec ./x --api-key 'a b'c --port 80", "exec ./x --api-key (left out) --port 80"},
        {"exec ./x --key --port 80", "exec ./x --key --port 80"},
        {"exec ./x --key-file /etc/x --token=abc", "exec ./x --key-file /etc/x --token=(left out)"},
        {"KEY=abc; exec ./x", "KEY=(left out) exec ./x"},
        {"curl -H 'Authorization: Basic abc' http://a:b@c/",
         "curl -H 'Authorization: (left out)' http://(left out)@c/"},
        {"{\"authorization\": \"Bearer abc\"}", "{\"authorization\": \"Bearer (left out)\"}"},
        {"http://c/?a=1&token=abc", "http://c/?a=1&token=(left out)"},
        {"exec ./x --model qwen3:4b --max_tokens 5", "exec ./x --model qwen3:4b --max_tokens 5"},
    };
    for (const auto& [word, expected] : rows) {
        EXPECT_EQ(word_without_secrets(word), expected);
    }
}

// What can't be read can't be looked through.
TEST(without_secrets, what_is_no_configuration_is_not_shown) {
    EXPECT_FALSE(without_secrets("api_key = 'hunter2"));
    EXPECT_FALSE(without_secrets("[[[models]]]"));
    EXPECT_TRUE(without_secrets(""));
}

}  // namespace
}  // namespace corral::config::test
