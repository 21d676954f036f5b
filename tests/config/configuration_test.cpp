#include "corral/config/configuration.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/configuration_fixture.hpp"
#include "corral/catalog/placeholders.hpp"
#include "corral/chat/family.hpp"

namespace corral::config {
namespace {

using core::milliseconds;
using core::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(configuration_file, with_only_a_model_gets_the_defaults) {
    const auto read = load(model_text);
    ASSERT_TRUE(read.value) << complaints(model_text);
    const auto& got = *read.value;
    EXPECT_EQ(got.listen.address().to_string(), "127.0.0.1");
    EXPECT_EQ(got.listen.port(), 11434);
    EXPECT_EQ(got.max_queue, 512U);
    EXPECT_EQ(got.conversation_hold, core::seconds{1});
    EXPECT_FALSE(got.log_content);
    EXPECT_EQ(got.silence, seconds{10});
    EXPECT_EQ(got.first_byte, seconds{45});
    EXPECT_TRUE(got.shows_stream_errors);
    EXPECT_LT(got.keep_alive.count(), 0);
    EXPECT_FALSE(got.keys_file);
    EXPECT_FALSE(got.tls);
    EXPECT_TRUE(read.warnings.empty());
    const auto& model = got.models.at(0);
    EXPECT_EQ(model.name, "Qwen3:4b");
    EXPECT_EQ(model.package, folder_.path() / "package");
    EXPECT_EQ(model.size_bytes, 100U);
    EXPECT_EQ(model.digest.size(), 64U);
    EXPECT_EQ(model.variables.at("layers"), "36");
    EXPECT_EQ(model.variables.at("python"), "python3");
    EXPECT_THAT(model.capabilities, ElementsAre("completion"));
    EXPECT_EQ(model.parameter_size, "4B") << "as its name says";
    EXPECT_EQ(model.quantization, "");
    EXPECT_FALSE(model.package_forbids_thinking);
}

TEST_F(configuration_file, says_everything_that_can_be_said) {
    const auto read = load(R"(listen = "[::1]:0"
log_level = "debug"
log_content = true
max_queue = 3
conversation_hold = "250ms"
request_deadline = "1m"
shutdown_grace = "0s"
silence = "2s"
first_byte = "3s"
stream_errors = "line"
keep_alive = 90
state_directory = "/var/lib/corral"
profiles = ["elsewhere"]
[http]
max_header_bytes = 2048
max_body_bytes = 4096
max_buffered_body_bytes = 8192
max_connections = 10
header_timeout = "1s"
body_timeout = "2s"
idle_timeout = "3s"
write_stall = "4s"
)" + model_text + R"(default_system = "Be brief."
capabilities = ["completion", "thinking"]
package_forbids_thinking = false
parameter_size = "4.0B"
quantization = "w8a16"
tokenizer_tap = false
poll_interval = "100ms"
context = { positions = 2559, prompt_limit = 2048, chunk = 128, vocabulary = 151936 }
sampling = { temperature = 1, top_k = 5, top_p = 0.5, repeat_penalty = 1.1 }
clocks = { scrub = "3s" }
restart = { intensity = 2 }
)");
    ASSERT_TRUE(read.value) << catalog::to_text(read.errors.at(0));
    const auto& got = *read.value;
    EXPECT_EQ(got.listen.address().to_string(), "::1");
    EXPECT_EQ(got.listen.port(), 0);
    EXPECT_EQ(got.log_level, telemetry::log_level::debug);
    EXPECT_TRUE(got.log_content);
    EXPECT_EQ(got.max_queue, 3U);
    EXPECT_EQ(got.conversation_hold, core::milliseconds{250});
    EXPECT_EQ(got.request_deadline, seconds{60});
    EXPECT_EQ(got.shutdown_grace, seconds{0});
    EXPECT_EQ(got.silence, seconds{2});
    EXPECT_EQ(got.first_byte, seconds{3});
    EXPECT_FALSE(got.shows_stream_errors);
    EXPECT_EQ(got.keep_alive, seconds{90});
    EXPECT_EQ(got.state_directory, "/var/lib/corral");
    EXPECT_EQ(got.http.max_header_bytes, 2048U);
    EXPECT_EQ(got.http.max_body_bytes, 4096U);
    EXPECT_EQ(got.http.max_buffered_body_bytes, 8192U);
    EXPECT_EQ(got.http.max_connections, 10U);
    EXPECT_EQ(got.http.write_stall, seconds{4});
    const auto& model = got.models.at(0);
    EXPECT_EQ(model.default_system, "Be brief.");
    EXPECT_EQ(model.context.vocabulary, 151936U);
    EXPECT_DOUBLE_EQ(model.sampling.temperature, 1.0);
    EXPECT_DOUBLE_EQ(model.sampling.repeat_penalty, 1.1);
    EXPECT_FALSE(model.runtime.tokenizer_tap);
    EXPECT_EQ(model.runtime.poll_interval, milliseconds{100});
    EXPECT_EQ(model.runtime.clocks.scrub, seconds{3});
    EXPECT_EQ(model.runtime.clocks.call, catalog::engine_clocks{}.call);
    EXPECT_EQ(model.runtime.restart.intensity, 2U);
}

// A wrapped or emulated vendor program must run too.
TEST_F(configuration_file, overrides_any_command_environment_folder_and_url) {
    const auto read = load(model_text + R"(
[models.services.runtime]
command = ["qemu-aarch64", "-L", "{sysroot}", "./run"]
arguments = ["--url", "{tokenizer_url}"]
working_directory = "work"
url = "http://127.0.0.1:9001"
pty = true
probe = { target = "/health" }
start_limit = "1h"
[models.services.runtime.environment]
LD_LIBRARY_PATH = "{package}/lib"
[models.services.tokenizer]
arguments = ["--verbose"]
)" + "");
    ASSERT_FALSE(read.value);  // nothing gave {sysroot}
    EXPECT_THAT(catalog::to_text(read.errors.at(0)), HasSubstr("unknown placeholder {sysroot}"));

    const std::string with_root = "variables = { layers = 36, sysroot = \"/srv/arm64\" }";
    std::string text = model_text;
    text.replace(text.find("variables"), std::string::npos, with_root);
    const auto whole = load(text + R"(
[models.services.runtime]
command = ["qemu-aarch64", "-L", "{sysroot}", "./run"]
arguments = ["--url", "{tokenizer_url}"]
working_directory = "work"
url = "http://127.0.0.1:9001"
pty = true
probe = { target = "/health" }
[models.services.runtime.environment]
LD_LIBRARY_PATH = "{package}/lib"
[models.services.tokenizer]
arguments = ["--verbose"]
)");
    ASSERT_TRUE(whole.value) << catalog::to_text(whole.errors.at(0));
    const auto& model = whole.value->models.at(0);
    const auto& runtime = model.runtime.services.at(1);
    EXPECT_EQ(runtime.working_directory, (folder_.path() / "work").string());
    EXPECT_EQ(runtime.port, 9001);
    EXPECT_TRUE(runtime.pty);
    EXPECT_EQ(runtime.probe.target, "/health");
    EXPECT_EQ(runtime.probe.method, "GET");
    const auto made = catalog::expand_service(
        model, runtime, {{"tokenizer", std::uint16_t{5}}, {"runtime", std::uint16_t{9001}}});
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_THAT(made->command,
                ElementsAre("qemu-aarch64", "-L", "/srv/arm64", "./run", "--url", "http://127.0.0.1:5"));
    EXPECT_EQ(made->environment.at("LD_LIBRARY_PATH"), (folder_.path() / "package/lib").string());
    EXPECT_THAT(model.runtime.services.at(0).command, ElementsAre("{python}", "{port}", "--verbose"));
}

TEST_F(configuration_file, names_place_and_nearest_key_of_each_mistake) {
    const std::vector<std::pair<std::string, std::string>> table{
        {"lisen = \"x\"\n" + model_text,
         "c.toml:1:1: unknown key 'lisen' in the configuration; did you mean 'listen'?"},
        {"allow_unauthenticated = True\n" + model_text,
         "'allow_unauthenticated': write true or false, in lower case, without quotes"},
        {"pinned = off  # for now\n" + model_text, "'pinned': write true or false"},
        {"listen = localhost:0\n" + model_text, "strings must be quoted: listen = \"...\""},
        {"listen = 5\n" + model_text, "c.toml:1:10: 'listen' must be a string, not a whole number"},
        {"listen = \"localhost\"\n" + model_text, "write ADDRESS:PORT"},
        {"listen = \"example.org:80\"\n" + model_text, "host names are not resolved"},
        {"listen = \"127.0.0.1:99999\"\n" + model_text, "a port from 0 to 65535"},
        {"listen = \"0.0.0.0:11434\"\n" + model_text,
         "c.toml:1:10: listening on 0.0.0.0 would let every machine"},
        {"listen = \"192.168.1.5:1\"\n" + model_text, "'allow_unauthenticated = true'"},
        {"log_level = \"warning\"\n" + model_text,
         "'log_level' must be one of debug, info, warn, error, not 'warning'"},
        {"max_queue = 0\n" + model_text, "'max_queue' must be between 1 and 65536, not 0"},
        {"[http]\nwrite_stall = \"1500ms\"\n" + model_text, "'write_stall' must be in whole seconds"},
        {"[http]\nmax_buffered_body_bytes = 2048\n" + model_text, "must not be less than 'max_body_bytes'"},
        {model_text + "keep = 1\n", "c.toml:7:1: unknown key 'keep' in [[models]]"},
        {model_text + "familly = \"qwen3\"\n", "unknown key 'familly' in [[models]]; did you mean 'family'?"},
        {model_text + "[models.services.runtme]\n", "has no service 'runtme'; did you mean 'runtime'?"},
        {model_text + "[models.services.runtime]\nexits = []\n", "unknown key 'exits'"},
        {model_text + "[models.services.runtime]\ncomand = []\n", "did you mean 'command'?"},
        {model_text + "[models.services.runtime]\nargumnts = []\n", "did you mean 'arguments'?"},
        {model_text + "[models.sampling]\ntop_p = 1.5\n", "'top_p' must be between 0 and 1, not 1.5"},
        {model_text + "capabilities = [\"thinking\"]\n", "must hold 'completion' or 'embedding'"},
        {model_text + "capabilities = [\"embedding\"]\n", "can't claim 'embedding': its profile"},
        {model_text + "capabilities = [\"completion\", \"visions\"]\n",
         "c.toml:7:31: 'visions' is not a capability"},
        {model_text + "capabilities = [\"completion\", \"vision\"]\n",
         "can't claim 'vision': no way is known"},
        {"silence = \"2h\"\n" + model_text, "c.toml:1:11: 'silence' must be"},
        {"keep_alive = \"soon\"\n" + model_text,
         "c.toml:1:14: 'soon' is not a keep-alive time; write \"forever\""},
        {"keep_alive = true\n" + model_text, "'keep_alive' must be a string"},
        {model_text + model_text, "c.toml:8:8: a model named 'Qwen3:4b' is already defined"},
        {"x = [\n", "c.toml:"},
    };
    for (const auto& [text, complaint] : table) {
        EXPECT_THAT(complaints(text), HasSubstr(complaint)) << text;
    }
}

TEST_F(configuration_file, names_a_number_of_answers_at_once_that_is_none) {
    std::string wide = profile_text;
    wide.insert(wide.find("[variables.layers]"), "[traits]\ncapacity = \"layers\"\n");
    folder_.write("vendor/small/profile.toml", wide);
    std::string text = model_text;
    EXPECT_EQ(complaints(text), "");
    EXPECT_THAT(complaints(text.replace(text.find("36"), 2, "\"x\"")),
                HasSubstr("c.toml:6:13: Model Qwen3:4b: 'layers' of profile small must be a number from 1 to "
                          "256, and is 'x'."));
}

TEST_F(configuration_file, names_an_address_elsewhere_that_cannot_be_used) {
    folder_.write(
        "vendor/away/profile.toml",
        "name = \"away\"\ndialect = \"ollama-remote\"\nremote = true\n[variables.url]\nabout = \"where\"\n");
    const auto said = [this](const std::string& url) {
        return complaints("[[models]]\nname = \"there\"\nprofile = \"away\"\nvariables = { url = \"" + url +
                          "\" }\n");
    };
    EXPECT_EQ(said("http://box:80"), "");
    EXPECT_THAT(said("https://box:80"), HasSubstr("c.toml:4:13: 'https://box:80' uses TLS"));
    EXPECT_THAT(said("http://box:99999"), HasSubstr("'http://box:99999' is not a server address"));
}

TEST_F(configuration_file, names_what_is_wrong_with_a_model) {
    const auto changed = [](const std::string& what, const std::string& instead) {
        std::string text = model_text;
        return text.replace(text.find(what), what.size(), instead);
    };
    EXPECT_THAT(complaints(changed("Qwen3:4b", "bad name")), HasSubstr("'bad name' is not a model name"));
    EXPECT_THAT(complaints(changed("\"small\"", "\"smal\"")),
                HasSubstr("there is no profile 'smal'; did you mean 'small'?"));
    EXPECT_THAT(complaints(changed("\"qwen3\"", "\"qwen\"")),
                HasSubstr("there is no family 'qwen'; did you mean"));
    EXPECT_THAT(complaints(changed("{ layers = 36 }", "{ layer = 36 }")),
                HasSubstr("needs the variable 'layers': how many layer files"));
    EXPECT_THAT(complaints(changed("{ layers = 36 }", "{ layers = 36, pyton = \"p\" }")),
                HasSubstr("nothing uses the variable 'pyton'; did you mean 'python'?"));
    EXPECT_THAT(complaints(changed("{ layers = 36 }", "{ layers = 36, vocabulary = 5 }")),
                HasSubstr("it is a key of the table 'context'"));
    EXPECT_THAT(complaints(changed("package = \"package\"\n", "")), HasSubstr("'package' is missing"));
    EXPECT_THAT(complaints(model_text + "[models.services.runtime]\narguments = [\"{vocabulary}\"]\n"),
                HasSubstr("needs 'vocabulary' in its table 'context'"));
}

TEST_F(configuration_file, may_write_an_ipv4_address_as_ipv6) {
    const auto read = load("listen = \"[::ffff:127.0.0.1]:0\"\n" + model_text);
    ASSERT_TRUE(read.value);
    EXPECT_EQ(read.value->listen.address().to_string(), "127.0.0.1");
    EXPECT_FALSE(load("listen = \"[::ffff:0.0.0.0]:0\"\n" + model_text).value);
}

TEST_F(configuration_file, says_once_what_is_wrong_with_the_type_of_listen) {
    for (const char* const value : {"5", "[\"127.0.0.1:0\"]"}) {
        const auto read = load("listen = " + std::string(value) + "\n" + model_text);
        ASSERT_EQ(read.errors.size(), 1U) << value;
        EXPECT_THAT(read.errors[0].message.text(), HasSubstr("'listen' must be a string"));
    }
}

TEST_F(configuration_file, refuses_two_services_on_one_port) {
    std::string other = model_text;
    other.replace(other.find("Qwen3:4b"), 8, "other:1b");
    EXPECT_EQ(complaints(model_text + other), "") << "the port guard gives each a private one";
    const std::string unguarded = "services = { runtime = { guard = \"off\" } }\n";
    EXPECT_THAT(complaints(model_text + unguarded + other + unguarded),
                HasSubstr("'runtime' of model 'other:1b' wants port 8000, which is already that of service "
                          "'runtime' of model 'Qwen3:4b'"));
    EXPECT_THAT(complaints("listen = \"127.0.0.1:8000\"\n" + model_text + unguarded),
                HasSubstr("already that of 'listen'"));
    EXPECT_EQ(
        complaints(model_text + unguarded + other +
                   "services = { runtime = { guard = \"off\", port = 8001, command = [\"./other\"] } }\n"),
        "");
}

TEST_F(configuration_file, refuses_a_port_that_no_command_tells_a_program) {
    const auto told = [this](const std::string& service) {
        return complaints(model_text + "[models.services.runtime]\n" + service);
    };
    const std::string words =
        "port 8000 is compiled into the program of service 'runtime', whose command does not name {port}; "
        "leave ";
    EXPECT_EQ(told("port = 18123\n"), "c.toml:8:8: " + words + "'port' out: the port guard moves it\n");
    EXPECT_THAT(told("port = 0\n"), HasSubstr(words));
    EXPECT_THAT(told("url = \"http://127.0.0.1:18123\"\n"), HasSubstr(words + "'url' out"));
    EXPECT_EQ(told("port = 8000\n"), "") << "its own";
    EXPECT_EQ(told("port = 18123\narguments = [\"--port\", \"{port}\"]\n"), "");
    EXPECT_EQ(told("port = 18123\nenvironment = { PORT = \"{port}\" }\n"), "");
    EXPECT_EQ(told("port = 18123\nenvironment = { LISTEN = \"127.0.0.1:18123\" }\n"), "");
    EXPECT_THAT(told("port = 18123\nenvironment = { LD_LIBRARY_PATH = \"/lib\" }\n"), HasSubstr(words));
    EXPECT_EQ(told("port = 18123\ncommand = [\"./built-for-18123\", \"{layers}\"]\n"), "");
}

TEST_F(configuration_file, tells_the_mistakes_of_a_profile_once_and_by_its_own_name) {
    folder_.write("vendor/small/profile.toml", profile_text + "prot = 1\n");
    std::string other = model_text;
    other.replace(other.find("Qwen3:4b"), 8, "other:1b");
    const auto read = load(model_text + other);
    ASSERT_EQ(read.errors.size(), 1U);
    EXPECT_THAT(read.errors[0].file, HasSubstr("vendor/small/profile.toml"));
    EXPECT_EQ(read.errors[0].line, 19U);
}

TEST_F(configuration_file, refuses_a_profile_of_an_unknown_dialect) {
    source_.dialects = {"ax-poll"};
    EXPECT_THAT(complaints(model_text), HasSubstr("wants the dialect 'd', which does not exist"));
    source_.dialects = {"ax-poll", "d"};
    EXPECT_EQ(complaints(model_text), "");
}

TEST_F(configuration_file, a_model_says_how_its_device_is_looked_at) {
    const std::string tool = model_text + "[models.device]\ncommand = [\"axcl-smi\"]\n";
    const auto read = load(tool + "format = \"axcl-smi\"\nmemory_mb = 4900\n");
    ASSERT_TRUE(read.value) << complaints(tool);
    EXPECT_EQ(read.value->models.at(0).runtime.device.memory_mb, 4900U);
    EXPECT_EQ(complaints(tool + "format = \"axcl-sim\"\n"),
              "c.toml:9:10: there is no device format 'axcl-sim'; did you mean 'axcl-smi'?\n");
    EXPECT_THAT(complaints(tool + "memory_mib = 1\n"), HasSubstr("did you mean 'memory_mb'"));
}

TEST_F(configuration_file, with_a_missing_package_loads_and_says_so) {
    std::string text = model_text;
    text.replace(text.find("\"package\""), 9, "\"absent\"");
    const auto read = load(text);
    ASSERT_TRUE(read.value);
    ASSERT_EQ(read.warnings.size(), 1U);
    EXPECT_EQ(read.warnings[0].line, 4U);
    EXPECT_THAT(read.warnings[0].message, HasSubstr("absent' cannot be read: No such file"));
    EXPECT_EQ(read.value->models.at(0).digest.size(), 64U);
}

TEST_F(configuration_file, claims_no_thinking_where_the_script_forbids_it) {
    const std::string claim = model_text + "capabilities = [\"completion\", \"thinking\"]\n";
    EXPECT_EQ(complaints(claim), "");
    folder_.write("package/qwen3_tokenizer_uid.py", "text += '/no_think'\n");
    EXPECT_TRUE(load(model_text).value->models.at(0).package_forbids_thinking);
    EXPECT_THAT(complaints(claim),
                HasSubstr("c.toml:7:16: model 'Qwen3:4b' can't claim 'thinking': the tokenizer "
                          "script of its package appends /no_think"));
    EXPECT_EQ(complaints(claim + "package_forbids_thinking = false\n"), "");
    std::string plain = claim;
    plain.replace(plain.find("\"qwen3\""), 7, "\"chatml\"");
    EXPECT_THAT(complaints(plain + "package_forbids_thinking = false\n"),
                HasSubstr("its family 'chatml' does not write <think>"));
}

TEST_F(configuration_file, a_model_says_where_its_template_shall_get_the_system_prompt) {
    using enum catalog::conversation_form;
    const auto form_of = [this](const std::string& more) {
        const auto read = load(model_text + more);
        EXPECT_TRUE(read.value);
        return read.value ? read.value->models.at(0).runtime.traits.conversation : single_message;
    };
    EXPECT_EQ(form_of(""), messages);
    EXPECT_EQ(form_of("conversation = \"folded-system\"\n"), folded_system);
    EXPECT_THAT(complaints(model_text + "conversation = \"single-message\"\n"), HasSubstr("folded-system"));
}

TEST_F(configuration_file, keeps_models_as_long_as_it_is_told) {
    const std::vector<std::pair<std::string, core::nanoseconds>> table{{"\"forever\"", core::nanoseconds{-1}},
                                                                       {"-1", core::nanoseconds{-1}},
                                                                       {"\"-1\"", core::nanoseconds{-1}},
                                                                       {"\"-3s\"", core::nanoseconds{-1}},
                                                                       {"0", seconds{0}},
                                                                       {"\"0\"", seconds{0}},
                                                                       {"\"-0\"", seconds{0}},
                                                                       {"\"300\"", seconds{300}},
                                                                       {"300", seconds{300}},
                                                                       {"\"1.5s\"", milliseconds{1500}},
                                                                       {"\"+2m\"", seconds{120}}};
    for (const auto& [value, span] : table) {
        const auto read = load("keep_alive = " + value + "\n" + model_text);
        ASSERT_TRUE(read.value) << value << complaints("keep_alive = " + value + "\n" + model_text);
        EXPECT_EQ(read.value->keep_alive, span) << value;
    }
    for (const char* wrong : {"\"--1\"", "\"+-1\"", "\"-\"", "\"5 m\"", "\"5x\"", "\"never\""}) {
        EXPECT_FALSE(load("keep_alive = " + std::string(wrong) + "\n" + model_text).value) << wrong;
    }
}

TEST_F(configuration_file, claims_only_what_the_family_can_do) {
    const std::string claim = model_text + "capabilities = [\"completion\", \"tools\", \"insert\"]\n";
    for (const auto* family : chat::families()) {
        std::string text = claim;
        text.replace(text.find("\"qwen3\""), 7, "\"" + std::string(family->name) + "\"");
        const std::string wrong = complaints(text);
        EXPECT_EQ(wrong.find("can't claim 'tools'") == std::string::npos,
                  family->tools != chat::tool_style::none)
            << family->name;
        EXPECT_EQ(wrong.find("can't claim 'insert'") == std::string::npos, !family->fill.prefix.empty())
            << family->name;
    }
}

TEST_F(configuration_file, gives_a_digest_that_follows_the_package) {
    const auto first = load(model_text).value->models.at(0).digest;
    EXPECT_EQ(load(model_text).value->models.at(0).digest, first);
    folder_.write("package/layer.axmodel", std::string(101, 'x'));
    EXPECT_NE(load(model_text).value->models.at(0).digest, first);
}

TEST_F(configuration_file, finds_models_as_clients_type_them) {
    const auto read = load(model_text);
    ASSERT_TRUE(read.value);
    EXPECT_NE(find_model(*read.value, "qwen3:4B"), nullptr);
    EXPECT_NE(find_model(*read.value, " library/qwen3:4b "), nullptr);
    EXPECT_EQ(find_model(*read.value, "qwen3"), nullptr);
    EXPECT_EQ(find_model(*read.value, ""), nullptr);
}

}  // namespace
}  // namespace corral::config
