// Ollama's API from the client's side: what is sent, how answers read however they are cut, and addresses.

#include "engine/dialects/ollama_remote/remote_protocol.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "corral/core/owned_fd.hpp"
#include "engine/dialects/ollama_remote/remote_address.hpp"
#include "engine/whole_body.hpp"
#include "http/accepting_port.hpp"
#include "run_until.hpp"

namespace {

// The look-up of "silent.test", which no name server answers until it is told to.
struct {
    std::atomic<bool> asked{false};
    std::atomic<bool> over{false};
} silent_name;

}  // namespace

// In the place of the C library's, for the whole program.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** out) {
    if (name != nullptr && std::string_view(name) == "silent.test") {
        silent_name.asked = true;
        silent_name.over.wait(false);
        return EAI_AGAIN;
    }
    static const auto other = reinterpret_cast<decltype(&::getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
    return other(name, service, hints, out);
}

namespace corral::engine::ollama_remote {
namespace {

namespace asio = core::asio;
using nlohmann::json;
using testing::HasSubstr;
using namespace streaming;

// One line for each part.
std::string shown(const std::vector<answer_part>& parts) {
    std::string out;
    for (const answer_part& part : parts) {
        if (const auto* text = std::get_if<text_part>(&part)) {
            out += "text " + text->text + "\n";
        } else if (const auto* thought = std::get_if<thinking_part>(&part)) {
            out += "thought " + thought->text + "\n";
        } else if (const auto* counted = std::get_if<usage_part>(&part)) {
            out += "usage " + std::to_string(counted->prompt_tokens) + "+" +
                   std::to_string(counted->generated_tokens) +
                   (counted->cached_tokens > 0 ? " cached " + std::to_string(counted->cached_tokens) : "") +
                   "\n";
        } else if (const auto* end = std::get_if<finish_part>(&part)) {
            out += "finish " + end->word + (end->why == finish_part::reason::length ? " (length)\n" : "\n");
        } else if (const auto* error = std::get_if<error_part>(&part)) {
            out += "error " + error->message + "\n";
        } else if (std::holds_alternative<end_part>(part)) {
            out += "end\n";
        }
    }
    return out;
}

const std::string answer =
    "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"Hm\"},\"done\":"
    "false}\n"
    "   {\"message\":{\"content\":\"Gr\xC3\xBC\xC3\x9F\"},\"done\":false}\r\n"
    "\n"
    "{\"message\":{\"content\":\"e\"},\"done\":true,\"done_reason\":\"length\",\"prompt_eval_count\":7,"
    "\"prompt_eval_cached_count\":5,\"eval_count\":3,"
    "\"prompt_eval_duration\":5000000,\"eval_duration\":9000000}\n";
const std::string read_as =
    "thought Hm\ntext Gr\xC3\xBC\xC3\x9F\ntext e\nusage 7+3 cached 5\nfinish length (length)\nend\n";

TEST(remote_protocol, an_answer_reads_the_same_wherever_it_is_cut) {
    const remote_protocol protocol("m", 0);
    for (std::size_t first = 0; first <= answer.size(); ++first) {
        const auto reader = protocol.reader(engine::run_spec{});
        std::vector<answer_part> parts;
        ASSERT_TRUE(reader->feed(answer.substr(0, first), parts));
        ASSERT_TRUE(reader->feed(answer.substr(first), parts));
        ASSERT_TRUE(reader->finish(parts));
        ASSERT_EQ(shown(parts), read_as) << first;
    }
}

TEST(remote_protocol, the_last_line_may_lack_its_end_and_nothing_counts_behind_the_done) {
    const remote_protocol protocol("m", 0);
    const auto reader = protocol.reader(engine::run_spec{});
    std::vector<answer_part> parts;
    ASSERT_TRUE(reader->feed("{\"response\":\"a\",\"done\":false}\n{\"done\":true,\"eval_count\":1}", parts));
    ASSERT_TRUE(reader->finish(parts));
    ASSERT_TRUE(reader->feed("{\"response\":\"b\"}\n", parts));
    EXPECT_EQ(shown(parts), "text a\nusage 0+1\nfinish \nend\n");
}

TEST(remote_protocol, a_failure_in_the_middle_is_told_and_garbage_is_no_answer) {
    const remote_protocol protocol("m", 0);
    std::vector<answer_part> parts;
    ASSERT_TRUE(protocol.reader(engine::run_spec{})->feed("{\"error\":\"the runner has died\"}\n", parts));
    EXPECT_EQ(shown(parts), "error the runner has died\n");
    parts.clear();
    ASSERT_TRUE(protocol.reader(engine::run_spec{})->feed("{\"error\":null,\"response\":\"a\"}\n", parts));
    EXPECT_EQ(shown(parts), "text a\n");
    for (const std::string& text : {std::string("<html>\n"), std::string("[1]\n"), std::string("{\"a\":\n"),
                                    std::string(2 * 1024 * 1024, 'x'), std::string(100'000, '[') + "\n"}) {
        EXPECT_FALSE(protocol.reader(engine::run_spec{})->feed(text, parts)) << text.substr(0, 20);
    }
}

TEST(remote_protocol, odd_types_and_huge_numbers_do_no_harm) {
    const remote_protocol protocol("m", 0);
    std::vector<answer_part> parts;
    EXPECT_TRUE(
        protocol.reader(engine::run_spec{})
            ->feed("{\"message\":3,\"done\":\"yes\"}\n{\"message\":{\"content\":[]},\"done\":true,\"eval_"
                   "count\":"
                   "99999999999999,\"prompt_eval_count\":-4,\"eval_duration\":18446744073709551615}\n",
                   parts));
    EXPECT_EQ(shown(parts), "usage 0+1000000000\nfinish \nend\n");
}

TEST(remote_protocol, sends_the_messages_and_every_sampling_value_that_is_there) {
    run_spec what;
    what.prompt.messages = {{"system", "Be brief."}, {"user", "Hi"}};
    what.sampling.temperature = 0.5;
    what.sampling.seed = 42;
    what.max_tokens = 9;
    const auto made = remote_protocol("qwen3:4b", 4096).request_for(what);
    ASSERT_TRUE(made);
    EXPECT_EQ(made->target, "/api/chat");
    EXPECT_EQ(
        json::parse(made->body),
        json::parse(
            R"({"model":"qwen3:4b","stream":true,"think":false,"messages":[{"role":"system","content":"Be brief."},
                  {"role":"user","content":"Hi"}],"options":{"temperature":0.5,"seed":42,"num_predict":9,"num_ctx":4096},"truncate":false})"));
    EXPECT_FALSE(json::parse(remote_protocol("m", 0).request_for(what)->body).contains("truncate"));
    what.whole = true;
    EXPECT_EQ(json::parse(remote_protocol("m", 0).request_for(what)->body)["truncate"], false);
    what.prompt.thinking = true;
    EXPECT_FALSE(json::parse(remote_protocol("m", 0).request_for(what)->body).contains("think"))
        << "a model that can't think refuses to be asked for it";
    what.prompt.verbatim = true;
    what.prompt.turns = "<s>raw";
    const auto raw = remote_protocol("m", 0).request_for(what);
    EXPECT_EQ(raw->target, "/api/generate");
    EXPECT_EQ(json::parse(raw->body)["prompt"], "<s>raw");
    EXPECT_EQ(json::parse(raw->body)["raw"], true);
    EXPECT_FALSE(remote_protocol("m", 0).request_for(run_spec{}));
}

TEST(remote_protocol, images_go_with_their_message_byte_for_byte) {
    const auto image = [](const char* base64) {
        return std::make_shared<const chat::image>(chat::image{"image/png", base64, 1});
    };
    run_spec what;
    what.prompt.messages = {
        {"user", "look", {image("iVBO"), image("Rw0K")}}, {"assistant", "ok"}, {"user", "so?"}};
    what.format = "json";
    const auto made = remote_protocol("llava", 0).request_for(what);
    ASSERT_TRUE(made);
    const json body = json::parse(tests::whole_body(*made));
    EXPECT_EQ(body["messages"], json::parse(R"([{"role":"user","content":"look","images":["iVBO","Rw0K"]},
                                               {"role":"assistant","content":"ok"},{"role":"user","content":"so?"}])"));
    EXPECT_EQ(body["format"], "json");
}

TEST(remote_protocol, tells_a_busy_server_and_a_full_context_from_other_failures) {
    const remote_protocol protocol("m", 0);
    EXPECT_TRUE(protocol.error_of(503, R"({"error":"server busy"})").busy);
    EXPECT_TRUE(
        protocol.error_of(400, R"({"error":{"message":"exceeds the available context size"}})").context);
    EXPECT_EQ(protocol.error_of(401, R"({"detail":"Not authenticated"})").message, "Not authenticated");
    EXPECT_EQ(protocol.error_of(500, "oops").message, "");
}

std::string with_values(const std::string& head, std::size_t count, const std::string& tail) {
    std::string out = head + "[";
    for (std::size_t i = 1; i < count; ++i) {
        out += "1,";
    }
    return out + "1]" + tail;
}

TEST(remote_protocol, more_values_than_may_hold_the_loop_are_not_read) {
    for (const auto& [count, reads] : {std::pair{5'900U, true}, std::pair{6'100U, false}}) {
        const auto reader = remote_protocol("m", 0).reader(engine::run_spec{});
        std::vector<answer_part> parts;
        const std::string line = with_values(R"({"message":{"content":"a"},"more":)", count, "}\n");
        EXPECT_EQ(reader->feed(line, parts).has_value(), reads) << count;
        EXPECT_EQ(shown(parts), reads ? "text a\n" : "") << count;
    }
    for (const auto& [count, reads] : {std::pair{39'900U, true}, std::pair{40'100U, false}}) {
        const std::string list = with_values(R"({"models":[{"name":"a","size_vram":4}],"more":)", count, "}");
        EXPECT_EQ(model_listed(list, "a").has_value(), reads) << count;
        EXPECT_EQ(accelerator_share(list, "a").has_value(), reads) << count;
        EXPECT_EQ(read_shown(with_values(R"({"system":"b","more":)", count, "}")).system, reads ? "b" : "")
            << count;
    }
}

TEST(remote_protocol, takes_over_what_show_says_of_the_model) {
    const auto [system, facts] = read_shown(
        R"({"model_info":{"general.architecture":"qwen3","qwen3.block_count":36,"tokenizer.ggml.tokens":null,"odd":[1],)"
        R"("long":")" +
        std::string(300, 'x') + R"("},"thinking":{"values":[false,"low","xhigh"],"default":"low"}})");
    EXPECT_EQ(facts->info.dump(),
              R"({"general.architecture":"qwen3","qwen3.block_count":36,"tokenizer.ggml.tokens":null})");
    EXPECT_EQ(facts->thinking.dump(), R"({"default":"low","values":[false,"low","xhigh"]})");
    for (const char* bad :
         {"no", "[]", R"({"thinking":{"values":["a"],"default":"b"}})",
          R"({"thinking":{"values":[1],"default":1}})", R"({"thinking":{"values":7,"default":7}})",
          R"({"thinking":{"values":["a"]}})", R"({"model_info":[]})"}) {
        EXPECT_TRUE(read_shown(bad).facts->thinking.is_null()) << bad;
        EXPECT_TRUE(read_shown(bad).facts->info.empty()) << bad;
    }
}

TEST(remote_protocol, finds_its_model_in_the_list_by_ollamas_rules) {
    const std::string list = R"({"models":[{"name":"a:latest"},{"name":"Qwen3:4b"},7]})";
    EXPECT_TRUE(*model_listed(list, "a"));
    EXPECT_TRUE(*model_listed(list, "qwen3:4b"));
    EXPECT_FALSE(*model_listed(list, "qwen3"));
    EXPECT_FALSE(model_listed("[]", "a"));
    EXPECT_FALSE(model_listed(R"({"models":3})", "a"));
}

TEST(remote_protocol, what_the_server_says_of_its_model_is_told_as_it_is) {
    const std::string digest(64, 'a');
    const auto told = model_listed(
        R"({"models":[{"name":"a:latest","modified_at":"2024-05-04T14:37:44.706015396-07:00","size":3826793677,"digest":")" +
            digest +
            R"(","details":{"family":"qwen3","parameter_size":"4.0B","quantization_level":"Q4_K_M","embedding_length":2560}}]})",
        "a");
    ASSERT_TRUE(told && *told);
    EXPECT_EQ((*told)->size_bytes, 3826793677U);
    EXPECT_EQ((*told)->digest, digest);
    EXPECT_EQ((*told)->parameter_size, "4.0B");
    EXPECT_EQ((*told)->embedding_length, 2560U);
    EXPECT_EQ((*told)->quantization, "Q4_K_M");
    ASSERT_TRUE((*told)->modified);
    EXPECT_EQ(std::chrono::system_clock::to_time_t(*(*told)->modified), 1714858664);
    const auto odd = model_listed(
        R"({"models":[{"name":"a","size":-3,"digest":"sha","modified_at":7,"details":[]}]})", "a");
    ASSERT_TRUE(odd && *odd);
    EXPECT_EQ((*odd)->size_bytes, 0U);
    EXPECT_TRUE((*odd)->digest.empty());
    EXPECT_FALSE((*odd)->modified);
    EXPECT_EQ(accelerator_share(R"({"models":[{"name":"a","size":9,"size_vram":4}]})", "a"), 4U);
    EXPECT_EQ(accelerator_share(R"({"models":[]})", "a"), std::nullopt);
    EXPECT_EQ(read_shown(R"({"system":"You are a pirate."})").system, "You are a pirate.");
    EXPECT_EQ(read_shown(R"({"system":7})").system, "");
    EXPECT_EQ(read_shown("[]").system, "");
    EXPECT_EQ(read_shown(R"({"system":")" + std::string(65537, 'a') + R"("})").system, "");
    EXPECT_EQ(show_question("a\"b"), R"({"model":"a\"b"})");
}

TEST(remote_address, takes_hosts_names_and_literals_and_no_more) {
    EXPECT_EQ(parse_remote_url("http://box.lan:8080/")->text(), "http://box.lan:8080");
    EXPECT_EQ(parse_remote_url("http://box")->port, "11434");
    EXPECT_EQ(parse_remote_url("http://[fe80::1]:80")->host, "fe80::1");
    EXPECT_EQ(parse_remote_url("http://[::1]")->text(), "http://[::1]:11434");
    for (const char* bad :
         {"", "box:1", "http://", "http://:80", "http://a:0", "http://a:99999", "http://u@a:1",
          "http://a:1/v1", "http://a b:1", "http://fe80::1:80", "ftp://a"}) {
        EXPECT_FALSE(parse_remote_url(bad)) << bad;
    }
    EXPECT_THAT(parse_remote_url("https://a:1").error().message, HasSubstr("TLS"));
}

// A socket that listens at `address`, and its port; -1 where this machine has no such address.
int listener_at(const asio::ip::address& address, std::uint16_t& port) {
    const asio::ip::tcp::endpoint at(address, port);
    const int handle = ::socket(address.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in6 bound{};
    socklen_t size = sizeof bound;
    if (::bind(handle, at.data(), static_cast<socklen_t>(at.size())) != 0 || ::listen(handle, 0) != 0 ||
        ::getsockname(handle, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
        ::close(handle);
        return -1;
    }
    port = ntohs(bound.sin6_port);  // which lies where IPv4 has its own
    return handle;
}

using found_endpoint = std::optional<core::result<asio::ip::tcp::endpoint>>;

core::awaitable<void> look(core::disk_work& threads, remote_address where, found_endpoint& found) {
    const core::deadline soon = core::deadline::after(core::seconds{2}, std::chrono::steady_clock::now());
    core::result<asio::ip::tcp::endpoint> at = co_await reach(threads, std::move(where), soon);
    found.emplace(std::move(at));
}

// Such as when the internet is away, and the server of the next tier stands beside the box.
TEST(remote_address, a_look_up_without_an_answer_holds_up_nobody) {
    const http::test::listening_port well;
    asio::io_context loop{1};
    core::disk_work threads;
    found_endpoint named;
    found_endpoint found;
    asio::co_spawn(loop, look(threads, {"silent.test", "1"}, named), asio::detached);
    EXPECT_TRUE(run_until(loop, [] { return silent_name.asked.load(); }));
    const std::string port = std::to_string(well.at().port());
    found_endpoint local;
    asio::co_spawn(loop, look(threads, {"127.0.0.1", port}, found), asio::detached);
    asio::co_spawn(loop, look(threads, {"localhost", port}, local), asio::detached);
    EXPECT_TRUE(run_until(loop, [&] { return found && local && named; })) << "not within their deadline";
    silent_name.over = true;
    silent_name.over.notify_all();
    ASSERT_TRUE(found && *found && local && *local && named);
    EXPECT_EQ(**found, well.at());
    EXPECT_EQ(**local, well.at());
    ASSERT_FALSE(*named);
    EXPECT_THAT(named->error().message.text(), HasSubstr("silent.test can't be looked up"));
}

// Such as an old address of a box that still stands in the DNS.
TEST(remote_address, an_address_that_swallows_packets_hides_no_other) {
    std::uint16_t port = 0;
    const core::owned_fd well(listener_at(asio::ip::address_v6::loopback(), port));
    const core::owned_fd silent(listener_at(asio::ip::address_v4::loopback(), port));
    if (!well.valid() || !silent.valid()) {
        GTEST_SKIP() << "no IPv6 here, or the port is taken";
    }
    // Where the queue of those that nobody accepts is full, the kernel answers no more.
    const asio::ip::tcp::endpoint full(asio::ip::address_v4::loopback(), port);
    std::vector<core::owned_fd> waiting;
    for (int i = 0; i < 4; ++i) {
        waiting.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        ::connect(waiting.back().get(), full.data(), static_cast<socklen_t>(full.size()));
    }
    asio::io_context loop{1};
    core::disk_work threads;
    found_endpoint found;
    asio::co_spawn(loop, look(threads, {"localhost", std::to_string(port)}, found), asio::detached);
    ASSERT_TRUE(run_until(loop, [&] { return found.has_value(); }));
    ASSERT_TRUE(*found) << found->error().message.text();
    EXPECT_TRUE((*found)->address().is_v6());
}

}  // namespace
}  // namespace corral::engine::ollama_remote
