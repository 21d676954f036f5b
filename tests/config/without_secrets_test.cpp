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
             "environment = { LIST = ['hunter2'] }",
             "# hunter2\nport = 1",
         }) {
        const auto shown = without_secrets(text);
        ASSERT_TRUE(shown) << text;
        EXPECT_THAT(*shown, Not(HasSubstr("hunter2"))) << text;
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
