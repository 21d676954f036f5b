// What a request says, what its model's variant and manifest add, and what a runtime can't do.

#include "generation/request_report.hpp"

#include <functional>
#include <future>
#include <regex>

#include <malloc.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "corral/core/worker.hpp"
#include "generation/request_preparation.hpp"
#include "generation_driver.hpp"

#ifdef CORRAL_SANITIZED
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();  // its header is not in every installation
#endif

namespace corral::generation {
namespace {

using chat::failure_kind;
using chat::finish_reason;
using test::reading;

class generation_request_test : public test::generation_test {
protected:
    // The fixture's model under another name.
    void serve_variant(model_variant what) {
        served_model mine{&backend.entry, &backend};
        mine.name = "mine:latest";
        mine.variant = std::make_shared<const model_variant>(std::move(what));
        models.put(std::move(mine));
    }
    static chat::generation_request for_variant() {
        chat::generation_request out = request("Hi");
        out.model = "mine:latest";
        return out;
    }
    static chat::message message(chat::role from, std::string content) {
        chat::message out;
        out.from = from;
        out.content = std::move(content);
        return out;
    }
    static nlohmann::ordered_json tools() {
        return nlohmann::ordered_json::parse(
            R"([{"type":"function","function":{"name":"add","parameters":{"type":"object"}}},{"type":"function"}])");
    }
    const engine::run_spec& run(std::size_t number = 0) const { return backend.seen.at(number); }
    // While another request is on its way.
    void read_short() {
        generation_handle handle = begin(request("short"));
        reading out;
        EXPECT_TRUE(test::run_until(io, [&] {
            drain(handle, out);
            return out.over();
        }));
    }
    static std::size_t allocated_bytes() {
#ifdef CORRAL_SANITIZED
        return __sanitizer_get_current_allocated_bytes();
#else
        return ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
#endif
    }
};

// Most templates tell results apart by their order alone.
TEST_F(generation_request_test, results_are_in_the_order_of_their_calls) {
    backend.entry.family = "qwen2.5";
    chat::generation_request what = request("Add them.");
    what.tools = tools();
    what.messages.push_back(message(chat::role::assistant, ""));
    for (const char* id : {"a", "b", "c"}) {
        what.messages.back().calls.push_back({id, "add", nlohmann::ordered_json::object()});
    }
    for (const char* id : {"c", "a", "b"}) {
        what.messages.push_back(message(chat::role::tool, std::string("result of ") + id));
        what.messages.back().tool_call_id = id;
    }
    const auto places = [&] {
        backend.seen.clear();
        EXPECT_TRUE(read(what).finished);
        std::vector<std::size_t> out;
        for (const char* id : {"a", "b", "c"}) {
            out.push_back(run().prompt.turns.find(std::string("result of ") + id));
        }
        return out;
    };
    std::vector<std::size_t> found = places();
    EXPECT_TRUE(found[0] < found[1] && found[1] < found[2]) << run().prompt.turns;
    what.messages.back().tool_call_id = "unknown";
    found = places();
    EXPECT_TRUE(found[2] < found[0] && found[0] < found[1]) << "as they came: " << run().prompt.turns;
}

// A runtime that heeds one of the two would else take the default top-k.
TEST_F(generation_request_test, top_p_alone_is_meant_and_one_is_no_limit) {
    backend.entry.sampling.top_k = 20;
    auto what = request("Hi");
    what.sampling.top_p = 0.5;
    read(what);
    EXPECT_EQ(run().sampling.top_k, std::nullopt);
    EXPECT_EQ(run().sampling.top_p, 0.5);
    what.sampling.top_p = 1.0;
    read(what);
    EXPECT_EQ(run(1).sampling.top_k, 20);
}

TEST_F(generation_request_test, a_variant_stands_between_the_request_and_the_manifest) {
    backend.entry.default_system = "I am the model.";
    backend.entry.sampling.temperature = 0.6;
    backend.entry.sampling.top_k = 20;
    model_variant variant;
    variant.system = "You are a pirate.";
    variant.sampling.temperature = 0.3;
    variant.sampling.seed = 7;
    variant.limits.num_predict = 5;
    variant.limits.stops = {"END"};
    serve_variant(variant);
    backend.script = {saying({"Arr END x"}), saying({"Arr END x"})};
    EXPECT_EQ(read(for_variant()).text, "Arr ");
    EXPECT_NE(run().prompt.system.find("You are a pirate."), std::string::npos);
    EXPECT_EQ(run().sampling.temperature, 0.3);
    EXPECT_EQ(run().sampling.seed, 7);
    EXPECT_EQ(run().sampling.top_k, 20);
    EXPECT_EQ(run().max_tokens, 5U);

    auto what = for_variant();
    what.messages.insert(what.messages.begin(), message(chat::role::system, "You are a monk."));
    what.sampling.temperature = 0.0;
    what.limits.num_predict = 9;
    what.limits.stops = {"x"};
    EXPECT_EQ(read(what).text, "Arr END ");
    EXPECT_NE(run(1).prompt.system.find("You are a monk."), std::string::npos);
    EXPECT_EQ(run(1).prompt.system.find("pirate"), std::string::npos);
    EXPECT_EQ(run(1).sampling.temperature, 0.0);
    EXPECT_EQ(run(1).max_tokens, 9U);
}

TEST_F(generation_request_test, examples_of_a_variant_come_behind_the_system_prompt_and_before_the_question) {
    model_variant variant;
    variant.messages = {message(chat::role::user, "EXAMPLE?"), message(chat::role::assistant, "EXAMPLE!")};
    serve_variant(variant);
    auto what = for_variant();
    what.messages.insert(what.messages.begin(), message(chat::role::system, "RULES"));
    read(what);
    EXPECT_NE(run().prompt.system.find("RULES"), std::string::npos);
    const std::string turns = run().prompt.turns;
    EXPECT_LT(turns.find("EXAMPLE?"), turns.find("EXAMPLE!"));
    EXPECT_LT(turns.find("EXAMPLE!"), turns.find("Hi"));
    EXPECT_EQ(turns.find("RULES"), std::string::npos);
}

TEST_F(generation_request_test, a_raw_prompt_takes_no_examples) {
    backend.verbatim = true;
    model_variant variant;
    variant.messages = {message(chat::role::user, "EXAMPLE?")};
    serve_variant(variant);
    auto what = for_variant();
    what.messages.clear();
    what.raw_prompt = "Once upon";
    read(what);
    EXPECT_EQ(run().prompt.turns, "Once upon");
}

TEST_F(generation_request_test, the_template_of_a_variant_gives_way_to_that_of_the_request) {
    backend.verbatim = true;
    model_variant variant;
    variant.prompt_template = "V {{ .Prompt }} V";
    serve_variant(variant);
    read(for_variant());
    auto what = for_variant();
    what.prompt_template = "R {{ .Prompt }} R";
    read(what);
    EXPECT_EQ(run(0).prompt.turns, "V Hi V");
    EXPECT_EQ(run(1).prompt.turns, "R Hi R");
}

TEST_F(generation_request_test, a_runtime_that_wraps_refuses_raw_prompts_holes_and_templates) {
    auto raw = request();
    raw.raw_prompt = "raw";
    EXPECT_EQ(read(raw).failed->kind, failure_kind::unsupported);
    // Another tier of the model may see.
    chat::generation_request seeing = request("look");
    seeing.messages.back().images = {
        std::make_shared<const chat::image>(chat::image{"image/png", "AAAA", 1})};
    EXPECT_EQ(read(seeing).failed->kind, failure_kind::unavailable);
    auto hole = request();
    hole.hole = chat::fill_in_middle{"a", "b"};
    EXPECT_EQ(read(hole).failed->kind, failure_kind::unsupported);
    auto templated = request();
    templated.prompt_template = "{{ .Prompt }}";
    EXPECT_TRUE(read(templated).failed);
    EXPECT_TRUE(backend.seen.empty());
}

TEST_F(generation_request_test, a_raw_prompt_is_neither_thought_nor_called_and_still_ends_at_an_end_text) {
    backend.verbatim = true;
    backend.entry.family = "qwen3";
    auto what = request();
    what.messages.clear();
    what.raw_prompt = "<|im_start|>assistant\n";
    what.tools = tools();
    const std::string answer =
        "<think>\na</think>\n<tool_call>{\"name\":\"add\",\"arguments\":{}}</tool_call>";
    backend.script = {saying({answer, "<|im_end|>", "more"})};
    const reading got = read(what);
    EXPECT_EQ(got.text, answer);
    EXPECT_EQ(got.thinking, "");
    EXPECT_TRUE(got.calls.empty());
    EXPECT_TRUE(run().prompt.verbatim);
}

TEST_F(generation_request_test, a_raw_prompt_that_is_too_long_is_refused_with_the_numbers) {
    backend.verbatim = true;
    backend.prompt_limit = 10;
    auto what = request();
    what.messages.clear();
    what.raw_prompt = "longer than ten bytes";
    const reading got = read(what);
    EXPECT_EQ(got.failed->kind, failure_kind::context_too_long);
    EXPECT_TRUE(backend.seen.empty());
}

TEST_F(generation_request_test, a_hole_is_asked_for_in_the_familys_way) {
    backend.verbatim = true;
    backend.entry.family = "qwen2.5";
    auto what = request();
    what.messages.clear();
    what.hole = chat::fill_in_middle{"int a = ", ";"};
    read(what);
    EXPECT_EQ(run().prompt.turns, "<|fim_prefix|>int a = <|fim_suffix|>;<|fim_middle|>");
}

TEST_F(generation_request_test, an_open_answer_keeps_its_question_when_the_conversation_is_shortened) {
    backend.verbatim = true;
    backend.prompt_limit = 400;
    auto what = request("OLD " + std::string(600, 'o'));
    what.messages.push_back(message(chat::role::assistant, "old answer"));
    what.messages.push_back(message(chat::role::user, "NEW QUESTION"));
    what.messages.push_back(message(chat::role::assistant, "Well"));
    backend.script = {saying({", yes"})};
    const reading got = read(what);
    EXPECT_EQ(got.text, ", yes");
    EXPECT_GT(got.cuts.text_bytes, 300U);
    EXPECT_NE(run().prompt.turns.find("NEW QUESTION"), std::string::npos);
    EXPECT_TRUE(run().prompt.turns.ends_with("Well"));
}

TEST_F(generation_request_test, calls_get_names_and_the_answer_ends_as_a_stop) {
    backend.entry.family = "qwen2.5";
    auto what = request();
    what.tools = tools();
    backend.script = {
        saying({"<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call>",
                "\n<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 2}}\n</tool_call>"})};
    const reading got = read(what);
    ASSERT_EQ(got.calls.size(), 2U);
    EXPECT_EQ(got.calls[1].arguments.dump(), R"({"a":2})");
    static const std::regex name("call_[a-z0-9]{8}");
    EXPECT_TRUE(std::regex_match(got.calls[0].id, name)) << got.calls[0].id;
    EXPECT_NE(got.calls[0].id, got.calls[1].id);
    EXPECT_EQ(got.order, "ccf");
    EXPECT_EQ(got.finished->reason, finish_reason::stop);
}

TEST_F(generation_request_test, only_declared_tools_are_called) {
    backend.entry.family = "qwen2.5";
    auto what = request();
    what.tools = tools();
    const std::string answer = "<tool_call>\n{\"name\": \"rm\", \"arguments\": {}}\n</tool_call>";
    backend.script = {saying({answer}), saying({answer})};
    EXPECT_EQ(read(what).text, answer);
    EXPECT_EQ(read(request()).text, answer);
}

TEST_F(generation_request_test, tools_for_a_family_without_any_are_a_bad_request) {
    backend.entry.family = "deepseek-r1";
    auto what = request();
    what.tools = tools();
    const reading got = read(what);
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(got.failed->kind, failure_kind::bad_request);
    EXPECT_TRUE(backend.seen.empty());
}

TEST_F(generation_request_test, num_predict_follows_the_original) {
    struct row {
        std::optional<std::int64_t> asked;
        std::optional<std::uint32_t> wanted;
    };
    backend.context = 2048;
    const std::vector<row> rows{{{}, {}}, {-1, {}},      {-2, {}},     {-77, {}},
                                {1, 1U},  {2048, 2048U}, {5000, 2048U}};
    for (const row& each : rows) {
        auto what = request();
        what.limits.num_predict = each.asked;
        read(what);
        EXPECT_EQ(backend.seen.back().max_tokens, each.wanted) << each.asked.value_or(0);
    }
}

TEST_F(generation_request_test, a_text_that_waits_for_the_queue_knows_its_first_place) {
    test::scripted_run slow = saying({"x"});
    slow.gate_before_text = true;
    backend.script = {slow, failing(true), saying({"second"})};
    generation_handle first = begin(request());
    ASSERT_TRUE(test::run_until(io, [&] { return backend.running == 1; }));
    generation_handle second = begin(request());
    test::settle(io);
    const auto place = second->notes().place;
    backend.open_gates();
    reading got;
    ASSERT_TRUE(test::run_until(io, [&] {
        drain(second, got);
        return got.over();
    }));
    EXPECT_EQ(got.text, "second");
    EXPECT_EQ(second->notes().place.has_value(), place.has_value());
}

// Only what their bodies were charged for stays in memory.
TEST_F(generation_request_test, requests_that_wait_hold_no_copies_of_a_long_variant) {
    constexpr std::size_t bytes = 1U << 20;
    constexpr std::size_t waiting = 6;
    backend.context = 0;
    backend.prompt_limit = 10'000'000;
    model_variant variant;
    variant.messages = {message(chat::role::user, std::string(bytes, 'e')),
                        message(chat::role::assistant, "EXAMPLE!")};
    serve_variant(variant);
    test::scripted_run slow = saying({"first"});
    slow.gate_before_text = true;
    backend.script = {slow};
    backend.otherwise = saying({"next"});
    generation_handle first = begin(for_variant());
    ASSERT_TRUE(test::run_until(io, [&] { return backend.running == 1; }));
    const std::size_t before = allocated_bytes();
    std::vector<generation_handle> others;
    for (std::size_t i = 0; i < waiting; ++i) {
        others.push_back(begin(for_variant()));
    }
    test::settle(io);
    EXPECT_LT(allocated_bytes(), before + bytes);
    EXPECT_EQ(backend.seen.size(), 1U);
    backend.open_gates();
    for (generation_handle& each : others) {
        reading got;
        ASSERT_TRUE(test::run_until(io, [&] {
            drain(each, got);
            return got.over();
        }));
        EXPECT_EQ(got.text, "next");
    }
    EXPECT_NE(run(waiting).prompt.turns.find(std::string(bytes, 'e')), std::string::npos);
    EXPECT_EQ(run(1).prompt.turns, run(0).prompt.turns) << "once, and not twice";
}

TEST_F(generation_request_test, a_long_conversation_is_rendered_beside_the_loop_and_a_short_one_passes_it) {
    backend.context = 0;
    backend.prompt_limit = 10'000'000;
    core::worker aside;
    generation_options options;
    options.rendering = &aside;
    build(options);
    std::promise<void> go_on;
    bool blocked_ended = false;
    core::asio::co_spawn(
        io,
        [&]() -> core::awaitable<void> {
            std::function<void()> blocks = [&] { go_on.get_future().wait(); };
            blocked_ended = co_await aside.run(std::move(blocks));
        },
        core::asio::detached);
    test::settle(io);
    generation_handle is_long = begin(request(std::string(100'000, 'l')));
    test::settle(io);
    EXPECT_TRUE(backend.seen.empty());
    read_short();
    EXPECT_EQ(backend.seen.size(), 1U);
    go_on.set_value();
    reading got;
    ASSERT_TRUE(test::run_until(io, [&] {
        drain(is_long, got);
        return got.over();
    }));
    EXPECT_TRUE(got.finished);
    EXPECT_TRUE(blocked_ended);
    const std::string beside = run(1).prompt.turns;
    build();
    read(request(std::string(100'000, 'l')));
    EXPECT_EQ(run(2).prompt.turns, beside);
}

TEST_F(generation_request_test, a_pattern_of_a_schema_is_compiled_beside_the_loop) {
    const auto parsed = [](const char* text) { return nlohmann::ordered_json::parse(text); };
    chat::generation_request plain = request("Hi");
    plain.format = parsed(R"({"properties":{"pattern":{"type":"string"}}})");
    plain.tools = tools();
    EXPECT_FALSE(is_long(plain)) << "that is a property";
    chat::generation_request formatted = request("Hi");
    formatted.format = parsed(R"({"properties":{"a":{"anyOf":[{"pattern":"^a"}]}}})");
    EXPECT_TRUE(is_long(formatted));
    chat::generation_request calling = request("Hi");
    calling.tools = parsed(
        R"([{"type":"function","function":{"name":"f","parameters":{"properties":{"a":{"pattern":"^a"}}}}}])");
    EXPECT_TRUE(is_long(calling));
}

TEST(ignored_options, are_those_the_client_gave_and_the_runtime_lacks) {
    chat::generation_request asked;
    asked.sampling.temperature = 0.5;
    asked.sampling.min_p = 0.1;
    asked.sampling.seed = 3;
    asked.limits.num_ctx = 8192;
    asked.unused_options = {"mirostat", "min_p"};
    const std::vector<std::string_view> honoured{"temperature", "top_k"};
    EXPECT_EQ(ignored_by(asked, honoured, 4096),
              (std::vector<std::string>{"min_p", "seed", "num_ctx", "mirostat"}));
    asked.limits.num_ctx = 4096;
    EXPECT_EQ(ignored_by(asked, honoured, 4096), (std::vector<std::string>{"min_p", "seed", "mirostat"}));
    EXPECT_TRUE(ignored_by(chat::generation_request{}, honoured, 4096).empty());
}

TEST(ignored_options, are_reported_once_for_each_model_and_bounded) {
    ignored_options log;
    log.report("a", {"min_p", "seed"});
    log.report("a", {"min_p"});
    log.report("b", {"min_p"});
    EXPECT_EQ(log.reported(), 3U);
    for (int i = 0; i < 5'000; ++i) {
        log.report("a", {"x" + std::to_string(i)});
    }
    EXPECT_EQ(log.reported(), 1'000U);
}

TEST_F(generation_request_test, an_empty_block_of_a_soft_switch_is_not_there) {
    backend.entry.family = "qwen3";
    backend.script = {saying({"<think>", "\n\n", "</think>", "\n\n", "Yes\n", "more"})};
    auto what = request("Hi");
    what.thinking = chat::thinking_mode::off;
    what.limits.stops = {"\n"};
    what.limits.num_predict = 3;
    const reading got = read(what);
    EXPECT_EQ(got.text, "Yes");
    EXPECT_EQ(got.thinking, "");
    EXPECT_EQ(backend.seen.back().max_tokens, 11U) << "room for the block";
}

// Whether the switch stands in the conversation or an empty block in the prompt, some models think all the same.
TEST_F(generation_request_test, thoughts_of_a_model_that_was_told_not_to_think_are_not_there) {
    backend.entry.family = "qwen3";
    for (const bool verbatim : {false, true}) {
        backend.verbatim = verbatim;
        backend.script = {saying({"<think>", "\nhm, 2 < 3", "\n</think>", "\n\n", "Yes\n", "more"})};
        auto what = request();
        what.thinking = chat::thinking_mode::off;
        what.limits.stops = {"hm", "\n"};
        const auto got = read(what);
        EXPECT_EQ(got.text, "Yes");
        EXPECT_EQ(got.thinking, "");
        ASSERT_TRUE(got.finished);
        EXPECT_GE(got.finished->usage.generated_tokens, 5U) << "they were made and count";
    }
}

TEST_F(generation_request_test, a_raw_prompt_gets_the_tags_as_they_are) {
    backend.entry.family = "qwen3";
    backend.verbatim = true;
    const std::string raw = "<think>\n\n</think>\n\nYes";
    backend.script = {saying({raw})};
    auto what = request();
    what.messages.clear();
    what.raw_prompt = "2 < 3?";
    EXPECT_EQ(read(what).text, raw);
}

TEST_F(generation_request_test, thinking_that_nobody_wants_ends_at_no_stop) {
    backend.entry.family = "deepseek-r1";
    backend.script = {saying({"hm\nm\n</think>\n\nYes\nmore"})};
    auto what = request("Hi");
    what.thinking = chat::thinking_mode::off;
    what.limits.stops = {"\n"};
    EXPECT_EQ(read(what).text, "Yes");
}

TEST_F(generation_request_test, a_call_that_a_limit_cuts_is_not_shown) {
    backend.entry.family = "qwen3";
    test::scripted_run cut = saying({"Let me see.\n<tool_call>\n{\"name\": \"f\", \"arg"});
    cut.end = engine::run_end::length;
    backend.script = {cut};
    auto what = request("Hi");
    what.tools = nlohmann::ordered_json::parse(R"([{"type":"function","function":{"name":"f"}}])");
    const reading got = read(what);
    EXPECT_EQ(got.text, "Let me see.");
    ASSERT_TRUE(got.finished);
    EXPECT_EQ(got.finished->reason, chat::finish_reason::length);
}

TEST_F(generation_request_test, requests_in_the_background_are_told_by_their_texts) {
    for (const char* text :
         {"### Task:\nGenerate 1-3 tags", "\nYou are a title generator. You output ONLY a title."}) {
        EXPECT_TRUE(is_background(request(text))) << text;
    }
    EXPECT_FALSE(is_background(request("What is a title generator?")));
    chat::generation_request asked = request("Write one.");
    asked.format = nlohmann::ordered_json::parse(R"({"properties":{"title":{},"tags":{}}})");
    EXPECT_TRUE(is_background(asked));
    asked.tools = nlohmann::ordered_json::parse(R"([{"function":{"name":"look_up"}}])");
    EXPECT_FALSE(is_background(asked)) << "programs that act are waited for";
    asked.tools = nullptr;
    asked.format["properties"]["price"] = {};
    EXPECT_FALSE(is_background(asked));
    asked.format = "json";
    EXPECT_FALSE(is_background(asked));
}

}  // namespace
}  // namespace corral::generation
