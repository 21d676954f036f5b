#include "corral/catalog/profile_reader.hpp"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "corral/catalog/placeholders.hpp"

namespace corral::catalog {
namespace {

using core::milliseconds;
using core::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string smallest = R"(name = "p"
dialect = "d"
[[services]]
name = "runtime"
command = ["./run", "{port}"]
stop_loading = [{ signal = "SIGKILL", to = "group", grace = "1s" }]
stop_ready = [{ signal = "SIGINT", grace = "2s" }, { signal = "SIGKILL", to = "group", grace = "3s" }]
)";

// All complaints, one a line, as a person sees them.
std::string complaints(const std::string& text) {
    std::string out;
    for (const auto& one : parse_profile(text, "p.toml").errors) {
        out += to_text(one) + "\n";
    }
    return out;
}

std::string with(const std::string& what, const std::string& instead) {
    std::string text = smallest;
    const auto at = text.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    return text.replace(at, what.size(), instead);
}

TEST(profile_reader, takes_defaults_for_what_is_not_said) {
    const auto read = parse_profile(smallest, "p.toml");
    ASSERT_TRUE(read.value) << complaints(smallest);
    const auto& service = read.value->services.at(0);
    EXPECT_EQ(service.working_directory, "{package}");
    EXPECT_EQ(service.url, "http://127.0.0.1:{port}");
    EXPECT_EQ(service.port, 0);
    EXPECT_FALSE(service.pty);
    ASSERT_EQ(service.stop_ready.size(), 2U);
    EXPECT_EQ(service.stop_ready[0].signal, SIGINT);
    EXPECT_EQ(service.stop_ready[0].target, signal_target::leader);
    EXPECT_EQ(service.stop_ready[1].target, signal_target::group);
    EXPECT_EQ(service.stop_ready[1].grace, seconds{3});
    EXPECT_EQ(read.value->clocks.call, engine_clocks{}.call);
}

TEST(profile_reader, reads_settings_that_are_made_for_a_service) {
    const std::string settings = R"(more_ports = ["management"]
liveness = { url = "http://127.0.0.2:{management_port}", target = "/live" }
[[services.rendered]]
name = "config"
json = '{{"port": {port}, "management": {management_port}}}'
)";
    const auto read = parse_profile(smallest + settings, "p.toml");
    ASSERT_TRUE(read.value) << complaints(smallest + settings);
    const service_template& service = read.value->services.at(0);
    EXPECT_THAT(service.more_ports, ElementsAre("management"));
    EXPECT_EQ(service.rendered.at(0).name, "config");
    EXPECT_EQ(service.liveness.probe.url, "http://127.0.0.2:{management_port}");
    EXPECT_NE(variable_name_problem("config_file", *read.value), "");
    EXPECT_NE(variable_name_problem("management_port", *read.value), "");
}

TEST(profile_reader, refuses_settings_that_nobody_could_fill_in) {
    const auto told = [](const std::string& more) { return complaints(smallest + more); };
    EXPECT_THAT(told("[[services.rendered]]\nname = \"config\"\njson = '{{\"port\": {prt}}}'\n"),
                HasSubstr("unknown placeholder {prt}; did you mean {port}?"));
    EXPECT_THAT(told("[[services.rendered]]\nname = \"config\"\njson = '{\"port\": 1}'\n"),
                HasSubstr("{{ or }}"));
    EXPECT_THAT(told("[[services.rendered]]\nname = \"../x\"\njson = '1'\n"), HasSubstr("a-z, 0-9"));
    EXPECT_THAT(told("[[services.rendered]]\nname = \"config\"\n"), HasSubstr("'json'"));
    EXPECT_THAT(told("more_ports = [\"runtime\"]\n"), HasSubstr("listed twice"));
    EXPECT_THAT(told("more_ports = [\"a-b\"]\n"), HasSubstr("a-z, 0-9"));
    EXPECT_THAT(told("liveness = { url = \"http://example.com:1\", target = \"/live\" }\n"),
                Not(testing::IsEmpty()));
}

TEST(profile_reader, reads_when_an_answer_of_the_host_is_told) {
    const auto read = parse_profile(smallest + R"([device]
format = "npu-smi"
command = ["npu-smi", "info"]
[device.compute]
interval = "500ms"
least_decode = "8s"
least_samples = 12
busy_cores = 1.5
low_percent = 0
threads = 4
unit = "AICore"
[[device.host.unsuitable_chips]]
pattern = "310B"
cause = "it does not run there"
)",
                                    "p.toml");
    ASSERT_TRUE(read.value) << testing::PrintToString(read.errors.size());
    const compute_rule& rule = read.value->device.compute;
    EXPECT_TRUE(rule.watch);
    EXPECT_EQ(rule.interval, milliseconds{500});
    EXPECT_EQ(rule.least_decode, seconds{8});
    EXPECT_EQ(rule.least_samples, 12U);
    EXPECT_EQ(rule.busy_cores, 1.5);
    EXPECT_EQ(rule.low_percent, 0U);
    EXPECT_EQ(rule.threads, 4U);
    EXPECT_EQ(rule.unit, "AICore");
    EXPECT_EQ(read.value->device.host.unsuitable_chips.at(0).pattern, "310B");
}

TEST(profile_reader, refuses_rules_that_would_never_or_always_accuse) {
    for (const char* line : {"interval = \"1ms\"", "least_samples = 1", "busy_cores = 0.0",
                             "low_percent = 101", "unit = \"\"", "intervall = \"1s\""}) {
        const auto read =
            parse_profile(smallest + "[device]\nformat = \"npu-smi\"\ncommand = [\"npu-smi\"]\n" +
                              "[device.compute]\n" + line + "\n",
                          "p.toml");
        EXPECT_FALSE(read.value) << line;
    }
}

TEST(profile_reader, reads_how_the_device_is_looked_at) {
    EXPECT_EQ(parse_profile(smallest, "p.toml").value->device.format, "");
    const auto read = parse_profile(smallest + R"(device = true
[device]
format = "axcl-smi"
command = ["axcl-smi", "-d", "{card}"]
environment = { LD_LIBRARY_PATH = "/usr/lib/axcl" }
card = 2
timeout = "2s"
optional = false
memory_mb = 4900
memory_wait = "1m"
advice = "reboot it"
)",
                                    "p.toml");
    ASSERT_TRUE(read.value);
    EXPECT_TRUE(read.value->services.at(0).device);
    const auto& device = read.value->device;
    EXPECT_EQ(device.format, "axcl-smi");
    EXPECT_THAT(device.command, ElementsAre("axcl-smi", "-d", "{card}"));
    EXPECT_EQ(device.environment.at("LD_LIBRARY_PATH"), "/usr/lib/axcl");
    EXPECT_EQ(device.card, 2U);
    EXPECT_EQ(device.timeout, seconds{2});
    EXPECT_FALSE(device.optional);
    EXPECT_EQ(device.memory_mb, 4900U);
    EXPECT_EQ(device.memory_wait, seconds{60});
    EXPECT_EQ(device.advice, "reboot it");
}

TEST(profile_reader, reads_what_belongs_to_the_card_on_its_hosts_side) {
    const auto read = parse_profile(smallest + R"([device]
format = "axcl-smi"
command = ["axcl-smi"]
[device.host]
pci = "1f4b:0650"
module = "axcl_host"
node = "/dev/axcl_host"
dma_count = 3
hot = 85
[[device.host.kernel_lines]]
pattern = ": dead!"
cause = "It is lost."
)",
                                    "p.toml");
    ASSERT_TRUE(read.value) << to_text(read.errors.front());
    const auto& host = read.value->device.host;
    EXPECT_EQ(host.pci, "1f4b:0650");
    EXPECT_EQ(host.module, "axcl_host");
    EXPECT_EQ(host.dma_count, 3U);
    EXPECT_EQ(host.hot, 85U);
    ASSERT_EQ(host.kernel_lines.size(), 1U);
    EXPECT_EQ(host.kernel_lines.front().cause, "It is lost.");
    const std::string device = smallest + "[device]\nformat = \"x\"\ncommand = [\"x\"]\n[device.host]\n";
    for (const char* wrong : {"1F4B:0650", "1f4b", "1f4b:065", "1f4b:0650:", "::::0::::"}) {
        EXPECT_THAT(complaints(device + "pci = \"" + wrong + "\"\n"), HasSubstr("vendor and device"))
            << wrong;
    }
    EXPECT_THAT(complaints(device + "modul = \"x\"\n"), HasSubstr("did you mean 'module'"));
}

TEST(profile_reader, takes_device_files_below_dev_and_nothing_else) {
    const std::string device = smallest + "[device]\n";
    const auto read =
        parse_profile(device + "nodes = [\"/dev/axcl_host\", \"/dev/dri/renderD*\"]\n", "p.toml");
    ASSERT_TRUE(read.value) << to_text(read.errors.front());
    EXPECT_THAT(read.value->device.nodes, ElementsAre("/dev/axcl_host", "/dev/dri/renderD*"));
    for (const char* wrong : {"axcl_host", "/etc/passwd", "/dev/../etc/passwd", "/dev/*/a", "/dev/",
                              "/dev/a b", "/dev/a\\nDeviceAllow=/dev/sda", "/dev/%n"}) {
        EXPECT_THAT(complaints(device + "nodes = [\"" + wrong + "\"]\n"), HasSubstr("below /dev/")) << wrong;
    }
}

TEST(profile_reader, a_device_without_a_tool_or_with_foreign_placeholders_is_refused) {
    EXPECT_THAT(complaints(smallest + "[device]\nformat = \"axcl-smi\"\n"),
                HasSubstr("'command' is missing in [device]"));
    EXPECT_THAT(complaints(smallest + "[device]\nformat = \"x\"\ncommand = [\"a\", \"{port}\"]\n"),
                HasSubstr("the only placeholder here is {card}"));
    EXPECT_THAT(complaints(smallest + "[device]\ntimeuot = \"1s\"\n"), HasSubstr("did you mean 'timeout'"));
    EXPECT_THAT(complaints(smallest + "[device]\ncomand = [\"a\"]\n"), HasSubstr("did you mean 'command'"));
    EXPECT_THAT(complaints(smallest + "[device]\nnods = [\"/dev/a\"]\n"), HasSubstr("did you mean 'nodes'"));
    EXPECT_EQ(complaints(smallest + "[device]\nformat = \"none\"\n"), "");
}

TEST(profile_reader, reads_guard_and_limits) {
    EXPECT_EQ(parse_profile(smallest, "p.toml").value->services.at(0).guard, guard_mode::warn);
    for (const auto& [word, mode] : std::vector<std::pair<std::string, guard_mode>>{
             {"off", guard_mode::off}, {"warn", guard_mode::warn}, {"require", guard_mode::require}}) {
        const auto read = parse_profile(smallest + "guard = \"" + word +
                                            "\"\nguard_library = \"/opt/guard.so\"\nlimit_memory_mb = 2048\n"
                                            "limit_files = 64\nnice = 5\n",
                                        "p.toml");
        ASSERT_TRUE(read.value);
        const auto& service = read.value->services.at(0);
        EXPECT_EQ(service.guard, mode);
        EXPECT_EQ(service.guard_library, "/opt/guard.so");
        EXPECT_EQ(service.limits.memory_mb, 2048U);
        EXPECT_EQ(service.limits.files, 64U);
        EXPECT_EQ(service.limits.nice, 5);
    }
}

struct mistake {
    std::string text;
    std::string complaint;
};

TEST(profile_reader, names_place_and_nearest_key_of_each_mistake) {
    const std::vector<mistake> table{
        {smallest + "prot = 5\n", "p.toml:8:1: unknown key 'prot' in [[services]]; did you mean 'port'?"},
        {smallest + "banana = 5\n", "unknown key 'banana' in [[services]]; valid keys are canary, command, "},
        {smallest + "port = 70000\n", "p.toml:8:8: 'port' must be between 0 and 65535, not 70000"},
        {smallest + "port = \"8000\"\n", "p.toml:8:8: 'port' must be a whole number, not a string"},
        {smallest + "pty = 1\n", "p.toml:8:7: 'pty' must be true or false, not a whole number"},
        {smallest + "guard = \"on\"\n", "'guard' must be one of off, warn, require, not 'on'"},
        {smallest + "guard_library = \"lib.so\"\n", "'guard_library' of a profile must begin with '/'"},
        {smallest + "limit_memory_mb = 3\n", "'limit_memory_mb' must be 0 or at least 16"},
        {smallest + "limit_files = 3\n", "'limit_files' must be 0 or at least 16"},
        {smallest + "nice = -1\n", "'nice' must be between 0 and 19, not -1"},
        {smallest + "start_stall = 5\n", "'start_stall' must be a duration in quotes"},
        {smallest + "start_stall = \"5\"\n", "'start_stall' must be a duration such as"},
        {smallest + "start_stall = \"1ms\"\n", "'start_stall' must be between 1s and 2h, not 1ms"},
        {smallest + "probe = { method = \"POST\" }\n",
         "'method' must be one of GET, HEAD, OPTIONS, not 'POST'"},
        {smallest + "probe = { target = \"x\" }\n", "'target' must begin with '/'"},
        {smallest + "url = \"https://127.0.0.1:{port}\"\n", "it must begin with http://"},
        {smallest + "url = \"http://127.0.0.1:{port}/\"\n", "without '/'"},
        {smallest + "url = \"http://127.0.0.1\"\n", "it must name a port"},
        {smallest + "url = \"http://0.0.0.0:80\"\n", "'localhost' or a loopback address"},
        {smallest + "url = \"http://192.168.1.5:80\"\n", "'localhost' or a loopback address"},
        {smallest + "url = \"http://example.org:80\"\n", "'localhost' or a loopback address"},
        {smallest + "environment = { \"A=B\" = \"x\" }\n", "is not a name for an environment variable"},
        {smallest + "environment = 5\n", "'environment' must be a table, not a whole number"},
        {smallest + "working_directory = \"data\"\n", "must begin with '/' or a placeholder"},
        {smallest + "exits = [{ status = 1, cause = \"a\" }, { status = 1, cause = \"b\" }]\n",
         "status 1 is explained twice"},
        {smallest + "exits = [{ cause = \"a\" }]\n", "'status' is missing"},
        {smallest + "exits = [{ status = 1, cause = \"a\", blames = \"runtime\" }]\n",
         "'blames' must be one of"},
        {smallest + "lines = [{ pattern = \"\", cause = \"a\" }]\n", "'pattern' must not be empty"},
        {smallest + "arguments = [\"x\"]\n", "unknown key 'arguments'"},
        {with("{port}", "{prot}"), "p.toml:5:21: unknown placeholder {prot}; did you mean {port}?"},
        {with("{port}", "{port"), "p.toml:5:21: a brace in \"{port\""},
        {with("\"SIGKILL\", to = \"group\"", "\"SIGKIL\", to = \"group\""),
         "unknown signal 'SIGKIL'; did you mean 'SIGKILL'?"},
        {with(", { signal = \"SIGKILL\", to = \"group\", grace = \"3s\" }", ""),
         "'stop_ready' must end with SIGKILL to the group"},
        {with("command = [\"./run\", \"{port}\"]", "command = []"), "'command' must begin with the program"},
        {with("command = [\"./run\", \"{port}\"]\n", ""), "'command' is missing"},
        {with("name = \"runtime\"", "name = \"run time\""), "may hold only a-z, 0-9 and '_'"},
        {with("dialect = \"d\"\n", ""), "'dialect' is missing"},
        {with("dialect = \"d\"", "dialect = \"d\"\nclocks = { cal = \"1s\" }"), "did you mean 'call'?"},
        {with("dialect = \"d\"", "dialect = \"d\"\nrestart = { first_backoff = \"2m\" }"),
         "'max_backoff' must not be less"},
        {with("dialect = \"d\"", "dialect = \"d\"\nvariables = { port = { about = \"x\" } }"),
         "the variable name 'port' is taken"},
        {"name = \"p\"\ndialect = \"d\"\n", "at least one [[services]]"},
        {smallest + "[[services]]\nname = \"runtime\"\n", "service 'runtime' is defined twice"},
        {"name = \n", "p.toml:1:"},
    };
    for (const auto& one : table) {
        EXPECT_THAT(complaints(one.text), HasSubstr(one.complaint)) << one.text;
    }
}

TEST(profile_reader, reports_all_mistakes_of_a_file_in_its_order) {
    const auto read = parse_profile(smallest + "prot = 5\npty = 1\nstart_limit = \"1x\"\n", "p.toml");
    EXPECT_FALSE(read.value);
    std::vector<std::uint32_t> lines;
    for (const auto& one : read.errors) {
        lines.push_back(one.line);
    }
    EXPECT_THAT(lines, ElementsAre(8U, 9U, 10U));
}

TEST(profile_reader, takes_the_port_from_a_fixed_url) {
    EXPECT_EQ(parse_profile(smallest + "url = \"http://127.0.0.1:9000\"\n", "p").value->services[0].port,
              9000);
    EXPECT_EQ(
        parse_profile(smallest + "url = \"http://[::1]:9000\"\nport = 80\n", "p").value->services[0].port,
        80);
}

TEST(profile_reader, of_an_unreadable_file_says_why) {
    const auto absent = read_profile("/nowhere/profile.toml");
    ASSERT_EQ(absent.errors.size(), 1U);
    EXPECT_THAT(to_text(absent.errors[0]), HasSubstr("/nowhere/profile.toml: cannot be read: No such file"));
    EXPECT_THAT(read_profile("/").errors.at(0).message, HasSubstr("it is not a file"));
}

class axera_poll : public testing::Test {
protected:
    profile_reading read_ = read_profile(CORRAL_SOURCE_DIR "/vendor/axera-poll/profile.toml");

    // The meaning that a reader of the lines would find first.
    const log_meaning* meaning_of(const std::string& service, const std::string& line) const {
        for (const auto& one : read_.value->services) {
            for (const auto& meaning : one.lines) {
                if (one.name == service && line.find(meaning.pattern) != std::string::npos) {
                    return &meaning;
                }
            }
        }
        return nullptr;
    }
};

TEST_F(axera_poll, is_a_valid_profile_of_two_services) {
    ASSERT_TRUE(read_.value) << to_text(read_.errors.at(0));
    EXPECT_EQ(read_.value->name, "axera-poll");
    EXPECT_EQ(read_.value->dialect, "ax-poll");
    ASSERT_EQ(read_.value->services.size(), 2U);
    const auto& tokenizer = read_.value->services[0];
    const auto& runtime = read_.value->services[1];
    EXPECT_EQ(tokenizer.name, "tokenizer");
    EXPECT_EQ(tokenizer.probe.target, "/bos_id?uid=corral-probe");
    EXPECT_EQ(runtime.name, "runtime");
    EXPECT_EQ(runtime.port, 8000);
    EXPECT_TRUE(runtime.pty);
    EXPECT_EQ(runtime.probe.method, "OPTIONS");
    EXPECT_TRUE(mentions(runtime, "tokenizer_url"));
    ASSERT_EQ(runtime.stop_loading.size(), 1U);
    EXPECT_EQ(runtime.stop_loading[0].signal, SIGKILL);
    EXPECT_EQ(runtime.stop_ready.at(0).signal, SIGINT);
    EXPECT_GT(runtime.stop_ready.at(0).grace, seconds{5});
}

// A runtime may end so without a word.
TEST_F(axera_poll, promises_no_line_for_a_start_that_failed_by_its_status_alone) {
    ASSERT_TRUE(read_.value);
    for (const auto& each : read_.value->services[1].exits) {
        EXPECT_NE(each.advice.substr(0, 12), "The last [E]") << each.status;
    }
}

TEST_F(axera_poll, blames_its_tokenizer_for_what_may_be_its_doing) {
    ASSERT_TRUE(read_.value);
    for (const auto& each : read_.value->services[1].exits) {
        EXPECT_EQ(each.blames, each.status == 134 || each.status == 139 ? "tokenizer" : "") << each.status;
    }
    for (const char* line :
         {"[E][                            Init][ 136]: tokenizer.Init(http://127.0.0.1:12345) failed",
          "[E][                            Init][  65]: get uid failed, try again 0/10",
          "connect failed http://127.0.0.1:12345, try again in  9/10 "}) {
        ASSERT_NE(meaning_of("runtime", line), nullptr) << line;
        EXPECT_EQ(meaning_of("runtime", line)->blames, "tokenizer") << line;
    }
    const auto* const no_card =
        meaning_of("runtime", "[E][ run][  35]: Get AXCL device failed{0x       0}, find total 0 device.");
    ASSERT_NE(no_card, nullptr);
    EXPECT_EQ(no_card->blames, "");
}

// docs/facts/vendor_ax.md#start-failures, in the bytes of the log.
TEST_F(axera_poll, ends_a_start_on_the_lines_that_are_fatal_and_only_on_them) {
    ASSERT_TRUE(read_.value);
    for (const char* line : {
             "[E][                            init][ 365]: read_file",
             "[E][                            init][ 421]: AX_ENGINE_CreateHandle",
             "[E][                            Init][ 210]: init post axmodel(m/post.axmodel) failed",
             "[E][                            Init][  29]: embed file(m/e.bin) open failed",
             "[E][                            Init][  39]: embed file(e) size(132) not equal "
             "token_num(151936) * "
             "embed_size(2560) * 2",
             "[E][                            Init][ 136]: tokenizer.Init(http://127.0.0.1:12345) failed",
             "[E][                             run][  35]: Get AXCL device failed{0x       0}, find total 0 "
             "device.",
             "[E][                            main][ 531]: lLaMa.Init failed",
             "need option: --devices",
             "./main_api_axcl_aarch64: error while loading shared libraries: libaxcl_rt.so: cannot open "
             "shared "
             "object file: No such file or directory",
         }) {
        const auto* meaning = meaning_of("runtime", line);
        ASSERT_NE(meaning, nullptr) << line;
        EXPECT_TRUE(meaning->fatal_at_start) << line;
        EXPECT_FALSE(meaning->advice.empty()) << line;
    }
    for (const char* line : {
             "[E][                     load_config][ 278]: config file(post_config.json) open failed",
             "[W][                            Init][ 259]: load postprocess config(post_config.json) failed",
             "connect failed http://127.0.0.1:12345, try again in  9/10 ",
             "sh: 1: /usr/bin/axcl/axcl-smi: not found",
             "[E][                            Init][  65]: get uid failed, try again 9/10",
             " 60% | ###  |   3 /   5 [0.02s<0.05s, 111.11 count/s] init 1 axmodel ok,devid(0) remain_cmm(-1 "
             "MB)",
             "100% | ### |  39 /  39 [65.0s<65.0s, 0.60 count/s] init post axmodel ok,remain_cmm(3788 MB)",
             "[I][                            Init][ 130]: LLM init start",
             "[I][                            Init][  45]: LLaMaEmbedSelector use mmap",
             "tokenizer init ok",
             "[I][                             run][  30]: AXCLWorker start with devid 0",
             "Server running on port 8000...",
         }) {
        const auto* meaning = meaning_of("runtime", line);
        EXPECT_TRUE(meaning == nullptr || !meaning->fatal_at_start) << line;
    }
}

TEST_F(axera_poll, explains_every_way_the_runtime_was_seen_to_end) {
    ASSERT_TRUE(read_.value);
    const auto& exits = read_.value->services.at(1).exits;
    for (const int status : {0, 1, 126, 127, 129, 134, 137, 139, 143, 255}) {
        EXPECT_TRUE(std::any_of(exits.begin(), exits.end(), [&](const auto& one) {
            return one.status == status && !one.cause.empty();
        })) << status;
    }
}

}  // namespace
}  // namespace corral::catalog
