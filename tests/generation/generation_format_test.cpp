// Structured output over the whole generation path: what goes out, when, and how often the model is asked.

#include "generation_driver.hpp"

namespace corral::generation {
namespace {

using chat::failure_kind;
using chat::finish_reason;
using test::reading;

constexpr const char* schema =
    R"({"type":"object","properties":{"age":{"type":"integer"}},"required":["age"]})";
constexpr const char* good = R"({"age": 36})";
constexpr const char* bad = R"({"age": "old"})";

class generation_format : public test::generation_test {
protected:
    static chat::generation_request request_for(const std::string& format = schema) {
        chat::generation_request out = request("How old is Ada?");
        out.format = nlohmann::ordered_json::parse(format);
        return out;
    }
    chat::generation_request thinking_request() {
        backend.entry.family = "qwen3";
        backend.entry.capabilities = {"completion", "thinking"};
        chat::generation_request out = request_for();
        out.thinking = chat::thinking_mode::on;
        return out;
    }
    static chat::generation_request with_tool(chat::generation_request out) {
        out.tools = nlohmann::ordered_json::parse(
            R"([{"type":"function","function":{"name":"look_up","parameters":{"type":"object"}}}])");
        return out;
    }
    std::string turns(std::size_t run) const { return backend.seen.at(run).prompt.turns; }
};

TEST_F(generation_format, a_title_is_asked_for_once) {
    const std::string title =
        R"({"type":"object","properties":{"title":{"type":"string"}},"required":["title"]})";
    backend.otherwise = saying({"My title"});
    const reading got = read(request_for(title));
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(got.failed->kind, failure_kind::format_unmet);
    EXPECT_EQ(backend.seen.size(), 1U);
}

TEST_F(generation_format, the_model_is_told_and_exactly_its_json_comes_back) {
    backend.script = {saying({"Sure:\n```json\n", "{\"age\"", ": 36}", "\n```\nBye"})};
    const reading got = read(request_for());
    EXPECT_EQ(got.text, good);
    ASSERT_TRUE(got.finished);
    EXPECT_EQ(got.finished->reason, finish_reason::stop);
    EXPECT_EQ(got.order, "tf");
    EXPECT_NE(turns(0).find("How old is Ada?\n\n"), std::string::npos);
    EXPECT_NE(turns(0).find(schema), std::string::npos) << turns(0);
}

TEST_F(generation_format, nothing_goes_out_before_the_value_is_complete) {
    test::scripted_run run = saying({"{\"age\": 3"});
    run.gate_after_text = true;
    run.end = engine::run_end::length;
    backend.script = {run};
    generation_handle handle = begin(request_for());
    ASSERT_TRUE(test::run_until(io, [&] { return backend.running == 1; }));
    test::settle(io);
    EXPECT_FALSE(handle->poll());
    backend.open_gates();
    reading got;
    ASSERT_TRUE(test::run_until(io, [&] {
        drain(handle, got);
        return got.over();
    }));
    EXPECT_EQ(got.ends, 1);
}

TEST_F(generation_format, a_complete_value_stops_the_runtime) {
    test::scripted_run run = saying({good, " and now ", "a long story"});
    run.gate_after_text = true;
    backend.script = {run};
    const reading got = read(request_for());
    EXPECT_EQ(got.text, good);
    EXPECT_EQ(backend.cancelled, 1);
}

TEST_F(generation_format, an_answer_that_does_not_fit_is_asked_again_with_the_reason) {
    backend.script = {saying({bad}), saying({good})};
    const reading got = read(request_for());
    EXPECT_EQ(got.text, good);
    ASSERT_TRUE(got.finished);
    ASSERT_EQ(backend.seen.size(), 2U);
    EXPECT_NE(turns(1).find(bad), std::string::npos) << turns(1);
    EXPECT_NE(turns(1).find("$.age: expected integer, got string"), std::string::npos) << turns(1);
    EXPECT_NE(turns(1).find("How old is Ada?"), std::string::npos);
    // Of the run that answered the prompt, of both what they made.
    EXPECT_EQ(got.finished->usage.prompt_tokens, 7U);
    EXPECT_EQ(got.finished->usage.generated_tokens, 2U);
    EXPECT_GE(got.finished->timings.total.count(), got.finished->timings.decode.count());
}

TEST_F(generation_format, the_third_wrong_answer_is_the_last) {
    backend.script = {saying({"I am sorry."}), saying({"No."}), saying({bad}), saying({good})};
    const reading got = read(request_for());
    EXPECT_EQ(got.text, "");
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(got.failed->kind, failure_kind::format_unmet);
    EXPECT_FALSE(got.failed->retryable);
    EXPECT_EQ(got.failed->message,
              "the model's answer does not match the requested format after 3 tries ($.age: expected "
              "integer, got string); ask again, or ask for a simpler format");
    EXPECT_EQ(backend.seen.size(), 3U);
}

TEST_F(generation_format, only_the_newest_wrong_answer_is_shown_again) {
    backend.script = {saying({"FIRST"}), saying({"SECOND"}), saying({good})};
    EXPECT_EQ(read(request_for()).text, good);
    EXPECT_EQ(turns(2).find("FIRST"), std::string::npos);
    EXPECT_NE(turns(2).find("SECOND"), std::string::npos);
}

TEST_F(generation_format, a_cut_answer_goes_out_as_it_is_with_length) {
    backend.script = {saying({"{\"age\"", ": 3"}, engine::run_end::length)};
    const reading got = read(request_for());
    EXPECT_EQ(got.text, R"({"age": 3)");
    ASSERT_TRUE(got.finished);
    EXPECT_EQ(got.finished->reason, finish_reason::length);
    EXPECT_EQ(backend.seen.size(), 1U);
}

TEST_F(generation_format, thinking_streams_and_that_of_later_runs_does_not) {
    auto what = thinking_request();
    test::scripted_run first = saying({"<think>\nlet me", " see</think>\n\n", bad});
    first.gate_before_return = true;
    backend.script = {first, saying({"<think>\nagain</think>\n\n", good})};
    generation_handle handle = begin(what);
    reading got;
    ASSERT_TRUE(test::run_until(io, [&] {
        drain(handle, got);
        return !got.thinking.empty();
    }));
    EXPECT_FALSE(got.over());
    ASSERT_TRUE(test::run_until(io, [&] {
        backend.open_gates();
        drain(handle, got);
        return got.over();
    }));
    EXPECT_EQ(got.thinking.find("again"), std::string::npos);
    EXPECT_NE(got.thinking.find("let me see"), std::string::npos);
    EXPECT_EQ(got.text, good);
    EXPECT_TRUE(got.finished);
}

// What went out can't be taken back: no other run after a death, even though only thinking went out.
TEST_F(generation_format, thinking_that_went_out_counts_as_sent) {
    test::scripted_run dies = failing(true);
    dies.pieces = {"<think>\nhm"};
    backend.script = {dies, saying({good})};
    const reading got = read(thinking_request());
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(got.failed->message.id(), "request.runtime-died");
    EXPECT_EQ(backend.seen.size(), 1U);
}

// The first run showed nothing, so the second one's thinking is the first to go out.
TEST_F(generation_format, thinking_streams_after_a_death_without_a_word) {
    backend.script = {failing(true), saying({"<think>\nhm</think>\n\n", good})};
    const reading got = read(thinking_request());
    EXPECT_NE(got.thinking.find("hm"), std::string::npos);
    EXPECT_EQ(got.text, good);
}

// Text that waits is not sent, so a death is survived.
TEST_F(generation_format, text_that_waits_does_not_count_as_sent) {
    test::scripted_run dies = failing(true);
    dies.pieces = {"{\"age\": "};
    backend.script = {dies, saying({good})};
    const reading got = read(request_for());
    EXPECT_EQ(got.text, good);
    EXPECT_EQ(backend.seen.size(), 2U);
}

TEST_F(generation_format, failures_and_wrong_answers_share_the_bound) {
    backend.script = {failing(true), saying({bad}), saying({bad}), saying({good})};
    const reading got = read(request_for());
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(got.failed->kind, failure_kind::format_unmet);
    EXPECT_NE(got.failed->message.text().find("after 2 tries"), std::string::npos) << got.failed->message;
    EXPECT_EQ(backend.seen.size(), 3U);
}

TEST_F(generation_format, deaths_around_a_wrong_answer_are_poison) {
    backend.script = {failing(true, true), saying({bad}), failing(true, true), saying({good})};
    const reading got = read(request_for());
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(name_of(*got.failed), "poisonous");
    EXPECT_EQ(backend.seen.size(), 3U);
}

TEST_F(generation_format, a_stop_string_ends_the_answer_before_it_is_judged) {
    backend.script = {saying({"no json ST", "OP {\"age\": 1}"}), saying({"{\"age\":", " 2} STOP"})};
    auto what = request_for();
    what.limits.stops = {"STOP"};
    const reading got = read(what);
    EXPECT_EQ(got.text, R"({"age": 2})");
    EXPECT_EQ(backend.seen.size(), 2U);
}

TEST_F(generation_format, a_call_is_a_valid_outcome) {
    backend.entry.family = "qwen2.5";
    backend.script = {saying({"One moment. <tool_call>\n{\"name\": \"look_up\", \"argu",
                              "ments\": {\"who\": \"Ada\"}}\n</tool_call>"})};
    const reading got = read(with_tool(request_for()));
    ASSERT_EQ(got.calls.size(), 1U);
    EXPECT_EQ(got.calls[0].name, "look_up");
    EXPECT_EQ(got.order, "tcf");
    EXPECT_EQ(got.finished->reason, finish_reason::stop);
    EXPECT_EQ(backend.seen.size(), 1U);
    EXPECT_NE(turns(0).find("call no function"), std::string::npos) << turns(0);
}

TEST_F(generation_format, with_tools_an_answer_still_has_to_fit) {
    backend.entry.family = "qwen2.5";
    backend.script = {saying({"I'd rather not."}), saying({good})};
    EXPECT_EQ(read(with_tool(request_for())).text, good);
    EXPECT_EQ(backend.seen.size(), 2U);
}

TEST_F(generation_format, a_reader_that_goes_between_two_runs_stops_everything) {
    test::scripted_run first = saying({bad});
    first.state_after = engine::availability_state::loading;
    backend.script = {first, saying({good})};
    {
        generation_handle gone = begin(request_for());
        ASSERT_TRUE(
            test::run_until(io, [&] { return backend.finished == 1 && admission->snapshot().waiting == 1; }));
    }
    ASSERT_TRUE(test::run_until(io, [&] { return tasks.empty(); }));
    backend.set(engine::availability_state::ready);
    test::settle(io);
    EXPECT_EQ(backend.seen.size(), 1U);
    EXPECT_EQ(admission->snapshot().waiting, 0U);
}

TEST_F(generation_format, a_reader_that_goes_while_a_wrong_answer_is_drained_stops_everything) {
    test::scripted_run first = saying({bad});
    first.tells_end_early = true;
    first.gate_before_return = true;
    backend.script = {first, saying({good})};
    {
        generation_handle gone = begin(request_for());
        ASSERT_TRUE(test::run_until(io, [&] { return backend.running == 1; }));
        test::settle(io);
    }
    backend.open_gates();
    ASSERT_TRUE(test::run_until(io, [&] { return tasks.empty(); }));
    EXPECT_EQ(backend.seen.size(), 1U);
}

TEST_F(generation_format, no_further_run_after_the_deadline) {
    test::scripted_run first = saying({bad});
    first.gate_after_text = true;
    backend.script = {first, saying({good})};
    auto what = request_for();
    what.until = core::deadline::after(core::milliseconds{300}, clock.now());
    generation_handle handle = begin(what);
    ASSERT_TRUE(test::run_until(io, [&] { return backend.running == 1 && what.until.passed(clock.now()); }));
    reading got;
    ASSERT_TRUE(test::run_until(io, [&] {
        backend.open_gates();  // the run may not have come to it before
        drain(handle, got);
        return got.over();
    }));
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(got.failed->kind, failure_kind::format_unmet);
    EXPECT_NE(got.failed->message.text().find("after 1 try"), std::string::npos) << got.failed->message;
    EXPECT_EQ(backend.seen.size(), 1U);
}

TEST_F(generation_format, an_answer_without_end_is_bounded) {
    backend.script = {saying(std::vector<std::string>(3000, "[\"" + std::string(1022, 'x')))};
    const reading got = read(request_for());
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(name_of(*got.failed), "answer-too-long");
    EXPECT_EQ(backend.cancelled, 1);
}

TEST_F(generation_format, a_long_answer_that_fits_comes_whole) {
    std::vector<std::string> pieces{"{\"age\": 1, \"note\": \""};
    for (int i = 0; i < 900; ++i) {
        pieces.push_back(std::string(1024, 'x'));
    }
    pieces.push_back("\"}");
    backend.script = {saying(pieces)};
    const reading got = read(request_for());
    EXPECT_TRUE(got.finished);
    EXPECT_EQ(got.text.size(), 900U * 1024 + 22);
}

TEST_F(generation_format, a_long_wrong_answer_leaves_room_for_the_question) {
    backend.prompt_limit = 700;
    backend.script = {saying({std::string(3000, 'x')}), saying({good})};
    EXPECT_EQ(read(request_for()).text, good);
    // There was no room for the answer, so the question alone was asked again.
    EXPECT_EQ(turns(1).find("xxx"), std::string::npos);
    EXPECT_NE(turns(1).find("How old is Ada?"), std::string::npos);
}

TEST_F(generation_format, what_can_not_be_checked_is_refused_by_a_strict_model_without_a_run) {
    backend.entry.strict_schemas = true;
    const reading got = read(request_for(R"({"patternProperties":{}})"));
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(got.failed->kind, failure_kind::bad_request);
    EXPECT_NE(got.failed->message.text().find("patternProperties"), std::string::npos);
    EXPECT_TRUE(backend.seen.empty());
}

TEST_F(generation_format, plain_json_is_any_object_or_array) {
    backend.script = {saying({"The list: [1, 2]"}), saying({"just words"}), saying({"{}"})};
    EXPECT_EQ(read(request_for("\"json\"")).text, "[1, 2]");
    EXPECT_EQ(read(request_for("\"json\"")).text, "{}");
}

TEST_F(generation_format, a_begun_answer_is_completed) {
    backend.verbatim = true;
    auto what = request_for();
    chat::message begun;
    begun.from = chat::role::assistant;
    begun.content = "{\"age\":";
    what.messages.push_back(begun);
    backend.script = {saying({" old}"}), saying({" 36}"})};
    EXPECT_EQ(read(what).text, " 36}");
    ASSERT_EQ(backend.seen.size(), 2U);
    EXPECT_TRUE(turns(1).ends_with("{\"age\":")) << turns(1);
}

TEST_F(generation_format, a_raw_prompt_is_judged_once) {
    backend.verbatim = true;
    auto what = request_for();
    what.messages.clear();
    what.raw_prompt = "Ada's age as JSON: ";
    backend.script = {saying({good}), saying({bad})};
    EXPECT_EQ(read(what).text, good);
    EXPECT_EQ(turns(0), "Ada's age as JSON: ");
    EXPECT_EQ(read(what).failed->kind, failure_kind::format_unmet);
    EXPECT_EQ(backend.seen.size(), 2U);
}

TEST_F(generation_format, the_runtime_is_told_of_the_format_where_only_the_value_may_come) {
    backend.script = {saying({good})};
    ASSERT_TRUE(read(request_for()).finished);
    EXPECT_EQ(backend.seen.back().format.dump(), nlohmann::ordered_json::parse(schema).dump());
    for (chat::generation_request more : {thinking_request(), with_tool(request_for()), request("Hi")}) {
        backend.script = {saying({good})};
        (void)read(std::move(more));
        EXPECT_TRUE(backend.seen.back().format.is_null());
    }
}

// By a grammar, else by the beginning of the answer, else not at all, and then the client is told.
TEST_F(generation_format, a_call_that_has_to_come_comes_where_the_runtime_can_be_made_to) {
    struct row {
        const char* family;
        bool schemas, verbatim;
        const char* said;
        const char* prompt_end;
    };
    const std::string whole = R"({"name": "look_up", "arguments": {"who": "Ada"}})";
    const std::string bare = R"({"name": "look_up", "parameters": {"who": "Ada"}})";
    const row rows[] = {
        {"qwen3", true, true, whole.c_str(), ""},
        {"qwen2.5", true, false, whole.c_str(), ""},
        {"llama3", true, false, bare.c_str(), ""},
        {"qwen3", false, true, " {\"who\": \"Ada\"}}\n</tool_call>",
         "</think>\n\n<tool_call>\n{\"name\": \"look_up\", \"arguments\":"},
        {"llama3", false, true, " {\"who\": \"Ada\"}}", "{\"name\": \"look_up\", \"parameters\":"},
        {"qwen2.5", false, false, "Hello", ""},
    };
    for (const row& each : rows) {
        SCOPED_TRACE(each.family + std::to_string(each.schemas) + std::to_string(each.verbatim));
        backend.entry.family = each.family;
        backend.schemas = each.schemas;
        backend.verbatim = each.verbatim;
        backend.seen.clear();
        backend.script = {saying({each.said})};
        chat::generation_request what = with_tool(request("Who is Ada?"));
        what.must_call = {"look_up"};
        what.limits.stops = {"\n\n"};
        const reading got = read(std::move(what));
        const bool forced = each.schemas || each.verbatim;
        EXPECT_EQ(got.ignores_tool_choice, !forced);
        EXPECT_EQ(got.text, forced ? "" : "Hello");
        ASSERT_EQ(got.calls.size(), forced ? 1U : 0U);
        if (forced) {
            EXPECT_EQ(got.calls[0].name, "look_up");
            EXPECT_EQ(got.calls[0].arguments.dump(), R"({"who":"Ada"})");
        }
        EXPECT_EQ(!backend.seen.back().format.is_null(), each.schemas);
        EXPECT_FALSE(backend.seen.back().prompt.thinking);
        EXPECT_TRUE(turns(0).ends_with(each.prompt_end)) << turns(0);
    }
}

TEST_F(generation_format, of_several_tools_the_model_chooses_the_one_to_call) {
    backend.entry.family = "qwen2.5";
    chat::generation_request what = request("Who is Ada?");
    what.tools = nlohmann::ordered_json::parse(
        R"([{"type":"function","function":{"name":"f","parameters":{"$ref":"#/$defs/a","$defs":{"a":{"type":"object"}}}}},
            {"type":"function","function":{"name":"g","parameters":{"type":"object"}}}])");
    what.must_call = {"f", "g"};
    backend.schemas = true;
    backend.script = {saying({R"({"name":"g","arguments":{}})"})};
    EXPECT_EQ(read(what).calls.at(0).name, "g");
    const nlohmann::ordered_json& schema_of_both = backend.seen.back().format;
    EXPECT_EQ(schema_of_both["anyOf"].size(), 2U);
    EXPECT_TRUE(schema_of_both["$defs"].contains("a")) << "where the references of the arguments look for it";
    backend.schemas = false;
    backend.verbatim = true;
    backend.script = {saying({"f\", \"arguments\": {}}"})};
    EXPECT_EQ(read(what).calls.at(0).name, "f");
    EXPECT_TRUE(backend.seen.back().prompt.turns.ends_with("<tool_call>\n{\"name\": \""));
}

// A client of OpenAI's says nothing of thinking.
TEST_F(generation_format, the_runtime_is_told_of_the_format_where_the_model_can_not_think) {
    backend.entry.family = "qwen3";
    backend.entry.runtime.traits.formats = catalog::format_form::llama_cpp;
    backend.verbatim = true;
    for (const auto mode : {chat::thinking_mode::model_default, chat::thinking_mode::off}) {
        backend.script = {saying({good})};
        chat::generation_request what = request_for();
        what.thinking = mode;
        EXPECT_EQ(read(what).text, good);
        EXPECT_FALSE(backend.seen.back().format.is_null());
    }
    EXPECT_EQ(backend.seen.size(), 2U);
}

class held_format : public generation_format {
protected:
    chat::generation_request held_request() {
        chat::generation_request out = thinking_request();
        backend.entry.runtime.traits.formats = catalog::format_form::llama_cpp;
        backend.verbatim = true;
        return out;
    }
};

TEST_F(held_format, begins_behind_the_thoughts) {
    test::scripted_run thinks = saying({"<think>\nlet me", " see\n</think>\n\n", "Well, ", "she is"});
    thinks.gate_after_text = true;
    backend.script = {thinks, saying({good})};
    chat::generation_request what = held_request();
    what.limits.num_predict = 50;
    const reading got = read(what);
    EXPECT_EQ(got.thinking, "let me see");
    EXPECT_EQ(got.text, good);
    ASSERT_EQ(backend.seen.size(), 2U);
    EXPECT_TRUE(backend.seen[0].format.is_null());
    EXPECT_FALSE(backend.seen[1].format.is_null());
    EXPECT_TRUE(turns(1).ends_with("<think>\nlet me see\n</think>\n\n")) << turns(1);
    EXPECT_LT(*backend.seen[1].max_tokens, 50U);
    ASSERT_TRUE(got.finished);
    EXPECT_EQ(got.finished->usage.prompt_tokens, 7U) << "of the question, without the thoughts";
    EXPECT_GE(got.finished->usage.generated_tokens, 4U);
}

TEST_F(held_format, a_value_in_the_first_run_is_as_good) {
    backend.script = {saying({std::string("<think>\nhm\n</think>\n\n") + good})};
    EXPECT_EQ(read(held_request()).text, good);
    EXPECT_EQ(backend.seen.size(), 1U);
}

TEST_F(held_format, another_try_does_not_think) {
    backend.script = {saying({"<think>\nhm\n</think>\n\n"}), saying({bad}), saying({good})};
    EXPECT_EQ(read(held_request()).text, good);
    ASSERT_EQ(backend.seen.size(), 3U);
    for (const std::size_t run : {1U, 2U}) {
        EXPECT_FALSE(backend.seen[run].format.is_null());
        EXPECT_FALSE(backend.seen[run].prompt.thinking);
    }
}

// Its first part does not count as one.
TEST_F(held_format, has_three_tries) {
    test::scripted_run thinks = saying({"<think>\nhm\n</think>\n\n", "no"});
    thinks.gate_after_text = true;
    backend.script = {thinks, saying({bad}), saying({bad}), saying({good})};
    EXPECT_EQ(read(held_request()).text, good);
}

TEST_F(held_format, thoughts_without_room_for_them_are_left_out) {
    test::scripted_run thinks = saying({"<think>\n" + std::string(3000, 'x') + "\n</think>\n\n", "no"});
    thinks.gate_after_text = true;
    backend.prompt_limit = 1500;
    backend.script = {thinks, saying({good})};
    EXPECT_EQ(read(held_request()).text, good);
    EXPECT_EQ(turns(1).find("xxx"), std::string::npos);
    EXPECT_FALSE(backend.seen[1].format.is_null());
}

TEST_F(held_format, an_answer_that_begins_anew_has_all_its_tokens) {
    test::scripted_run thinks = saying({"<think>\nhm\n</think>\n\n", "no"});
    thinks.gate_before_text = true;
    backend.script = {thinks, saying({good})};
    chat::generation_request what = held_request();
    what.limits.num_predict = 50;
    generation_handle handle = begin(std::move(what));
    handle->hold_until_end();
    ASSERT_TRUE(test::run_until(io, [&] { return backend.running == 1; }));
    backend.measure_failures = {
        core::make_failure(core::errc::unavailable, core::reason::unlisted("the tokenizer is away"))};
    backend.open_gates();
    reading got;
    ASSERT_TRUE(test::run_until(io, [&] {
        drain(handle, got);
        return got.over();
    }));
    EXPECT_EQ(got.text, good);
    ASSERT_EQ(backend.seen.size(), 2U);
    EXPECT_EQ(*backend.seen[1].max_tokens - backend.seen[1].block_tokens, 50U);
    EXPECT_TRUE(backend.seen[1].prompt.thinking);
    ASSERT_TRUE(got.finished);
    EXPECT_LT(got.finished->usage.generated_tokens, 2U) << "nothing of the part that was thrown away";
}

// The reader has the thoughts; those of a second model would stand behind them.
TEST_F(held_format, of_another_runtime_behind_the_thoughts_only_the_value_is_wanted) {
    test::scripted_run thinks = saying({"<think>\nlet me see\n</think>\n\n", "no"});
    thinks.gate_before_return = true;
    backend.script = {thinks};
    chat::generation_request what = held_request();
    test::fake_backend other(io);
    other.entry = backend.entry;
    other.verbatim = true;
    other.script = {saying({good})};
    generation_handle handle = begin(std::move(what));
    reading got;
    ASSERT_TRUE(test::run_until(io, [&] {
        drain(handle, got);
        return !got.thinking.empty();
    }));
    served_model instead;
    instead.entry = &other.entry;
    instead.runtime = &other;
    models.put(instead);
    admission->replace(other);
    admission->admit(other.entry.name);
    ASSERT_TRUE(test::run_until(io, [&] {
        backend.open_gates();
        drain(handle, got);
        return got.over();
    }));
    EXPECT_EQ(got.thinking, "let me see");
    EXPECT_EQ(got.text, good);
    ASSERT_EQ(other.seen.size(), 1U);
    EXPECT_FALSE(other.seen[0].prompt.thinking);
    EXPECT_FALSE(other.seen[0].format.is_null());
    admission->replace(backend);
}

TEST_F(held_format, a_server_that_begins_it_behind_the_thoughts_is_told_at_once) {
    backend.script = {saying({"<think>\nhm\n</think>\n\n", good})};
    chat::generation_request what = held_request();
    backend.entry.runtime.traits.formats = catalog::format_form::ollama;
    const reading got = read(what);
    EXPECT_EQ(got.text, good);
    EXPECT_EQ(got.thinking, "hm");
    ASSERT_EQ(backend.seen.size(), 1U);
    EXPECT_FALSE(backend.seen[0].format.is_null());
}

TEST_F(generation_format, what_can_not_be_checked_is_shown_and_the_rest_still_holds) {
    backend.script = {saying({good})};
    const std::string pattern = R"("pattern":"^(?!x)1$")";
    EXPECT_EQ(read(request_for(R"({"type":"object","properties":{"age":{)" + pattern + "}}}")).text, good);
    EXPECT_NE(turns(0).find(pattern), std::string::npos);
}

}  // namespace
}  // namespace corral::generation
