// Answers of POST /v1/responses, byte for byte (docs/facts/ollama_wire.md#openai-responses).

#include "api/openai/responses_answer.hpp"

#include <sstream>

#include "openai_fixture.hpp"

namespace corral::api::openai {
namespace {

const std::string path = "/v1/responses";
const std::string asked = R"({"model":"Tiny","input":"Hi")";

// The text and its item as they stand in streams, keys sorted.
std::string text_part(const std::string& text) {
    return R"({"annotations":[],"logprobs":[],"text":")" + text + R"(","type":"output_text"})";
}
std::string message(const std::string& text) {
    return R"({"content":[)" + text_part(text) +
           R"(],"id":"msg_N","role":"assistant","status":"completed","type":"message"})";
}
std::string usage_of(int in, int out) {
    return R"({"input_tokens":)" + std::to_string(in) +
           R"(,"input_tokens_details":{"cached_tokens":0},"output_tokens":)" + std::to_string(out) +
           R"(,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":)" + std::to_string(in + out) +
           "}";
}

std::string whole_usage(int in, int out) {  // in the order of the object, which streams don't have
    return R"({"input_tokens":)" + std::to_string(in) + R"(,"output_tokens":)" + std::to_string(out) +
           R"(,"total_tokens":)" + std::to_string(in + out) +
           R"(,"input_tokens_details":{"cached_tokens":0},"output_tokens_details":{"reasoning_tokens":0}})";
}

struct shown_response {
    std::string status = "in_progress";
    std::string completed_at = "null";
    std::string error = "null";
    std::string output;
    std::string usage = "null";
};

std::string response(const shown_response& as) {
    return R"({"background":false,"completed_at":)" + as.completed_at + R"(,"created_at":1,"error":)" +
           as.error + R"(,"frequency_penalty":0,"id":"resp_N","incomplete_details":null)" +
           R"(,"instructions":null,"max_output_tokens":null,"max_tool_calls":null,"metadata":{},"model":"Tiny","object":"response","output":[)" +
           as.output +
           R"(],"parallel_tool_calls":true,"presence_penalty":0,"previous_response_id":null,"prompt_cache_key":null,"reasoning":null,"safety_identifier":null,"service_tier":"default","status":")" +
           as.status +
           R"(","store":false,"temperature":1,"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],"top_logprobs":0,"top_p":1,"truncation":"disabled","usage":)" +
           as.usage + "}";
}
shown_response completed(const std::string& output, const std::string& usage) {
    return {"completed", "1", "null", output, usage};
}

// Events with their numbers counted up.
class events {
public:
    // `before` and `after` are the members around "sequence_number".
    events& add(const std::string& type, const std::string& before, const std::string& after = "") {
        text_ += "event: " + type + "\ndata: {" + before + R"("sequence_number":)" + std::to_string(next_++) +
                 after + R"(,"type":")" + type + "\"}\n\n";
        return *this;
    }
    events& whole(const std::string& type, const shown_response& as) {
        return add(type, R"("response":)" + response(as) + ",");
    }
    events& begin() {
        whole("response.created", {});
        return whole("response.in_progress", {});
    }
    events& item(const std::string& kind, const std::string& item, int index) {
        return add("response.output_item." + kind,
                   R"("item":)" + item + R"(,"output_index":)" + std::to_string(index) + ",");
    }
    events& open_message(int index) {
        item("added",
             R"({"content":[],"id":"msg_N","role":"assistant","status":"in_progress","type":"message"})",
             index);
        return add("response.content_part.added", R"("content_index":0,"item_id":"msg_N","output_index":)" +
                                                      std::to_string(index) + R"(,"part":)" + text_part("") +
                                                      ",");
    }
    events& text(const std::string& piece, int index) {
        return add("response.output_text.delta", R"("content_index":0,"delta":")" + piece +
                                                     R"(","item_id":"msg_N","logprobs":[],"output_index":)" +
                                                     std::to_string(index) + ",");
    }
    events& close_message(const std::string& all, int index) {
        const std::string at = std::to_string(index);
        add("response.output_text.done",
            R"("content_index":0,"item_id":"msg_N","logprobs":[],"output_index":)" + at + ",",
            R"(,"text":")" + all + "\"");
        add("response.content_part.done", R"("content_index":0,"item_id":"msg_N","output_index":)" + at +
                                              R"(,"part":)" + text_part(all) + ",");
        return item("done", message(all), index);
    }
    [[nodiscard]] const std::string& all() const { return text_; }

private:
    std::string text_;
    int next_ = 0;
};

class openai_responses : public test::openai_test {
protected:
    std::string streamed() {
        const auto got = ask("POST", path, asked + R"(,"stream":true})");
        EXPECT_EQ(got->answer.content_type, "text/event-stream");
        EXPECT_EQ(got->answer.headers.find("Cache-Control"), "no-cache");
        EXPECT_TRUE(got->answer.finished);
        return normal(got->answer.body);
    }
    std::string whole(const std::string& more = "") {
        const auto got = ask("POST", path, asked + more + "}");
        EXPECT_EQ(got->answer.status, 200U) << got->answer.body;
        EXPECT_EQ(got->answer.content_type, "application/json");
        return normal(got->answer.body);
    }
    // The events of an answer whose pieces are given.
    std::string written(std::vector<chat::generation_event> all) {
        responses_answer writer("Tiny", read_echo(), random);
        std::string out = writer.opening();
        for (chat::generation_event& each : all) {
            out += writer.encode(each);
        }
        return normal(out);
    }
    static response_echo read_echo(const std::string& more = "") {
        http::request incoming;
        incoming.body = asked + more + "}";
        decode_problem problem;
        return read_responses_request(incoming, problem).echo;
    }
    static chat::generation_event end() {
        chat::finished_event out;
        out.usage.prompt_tokens = 7;
        out.usage.generated_tokens = 2;
        return out;
    }
    static chat::generation_event call(const std::string& name) {
        nlohmann::ordered_json arguments = nlohmann::ordered_json::object();
        arguments["a"] = 1;
        return chat::tool_call_event{{"call_abcd1234", name, arguments}};
    }
};

const std::string reasoning_item =
    R"({"encrypted_content":"hm so","id":"rs_resp_N","summary":[{"text":"hm so","type":"summary_text"}],"type":"reasoning"})";

TEST_F(openai_responses, text_is_streamed_in_the_order_of_events) {
    say({"Hel", "lo"});
    events wanted;
    wanted.begin().open_message(0).text("Hel", 0).text("lo", 0).close_message("Hello", 0);
    wanted.whole("response.completed", completed(message("Hello"), usage_of(7, 2)));
    EXPECT_EQ(streamed(), wanted.all());
}

// A client that is told "completed" takes half an answer, or half a patch, for the whole of it.
TEST_F(openai_responses, an_answer_that_the_clients_limit_cut_is_incomplete) {
    chat::finished_event end;
    end.reason = chat::finish_reason::length;
    whole_answer said;
    said.text = "Hel";
    for (const bool limited : {true, false}) {
        const response_echo echo = read_echo(limited ? R"(,"max_output_tokens":2)" : "");
        const char* const status = limited ? "incomplete" : "completed";
        responses_answer whole_writer("Tiny", echo, random);
        const auto tree = nlohmann::json::parse(whole_writer.whole(said, end));
        EXPECT_EQ(tree["status"], status);
        EXPECT_EQ(tree["completed_at"].is_null(), limited);
        EXPECT_EQ(tree["output"][0]["status"], status);
        EXPECT_EQ(tree["incomplete_details"].dump(), limited ? R"({"reason":"max_output_tokens"})" : "null");

        responses_answer writer("Tiny", echo, random);
        std::string events = writer.opening();
        chat::generation_event text = chat::text_event{"Hel"};
        chat::generation_event over = end;
        events += writer.encode(text) + writer.encode(over);
        const std::string last = events.substr(events.rfind("event: "));
        EXPECT_TRUE(last.starts_with(std::string("event: response.") + status)) << last;
        EXPECT_NE(last.find(std::string(R"("status":")") + status), std::string::npos) << last;
    }
}

TEST_F(openai_responses, an_answer_without_a_word_has_its_message) {
    say({});
    events wanted;
    wanted.begin().open_message(0).close_message("", 0);
    wanted.whole("response.completed", completed(message(""), usage_of(7, 0)));
    EXPECT_EQ(streamed(), wanted.all());
}

TEST_F(openai_responses, thinking_is_an_item_before_the_message) {
    events wanted;
    wanted.begin();
    wanted.item("added", R"({"id":"rs_resp_N","summary":[],"type":"reasoning"})", 0);
    for (const char* piece : {"hm", " so"}) {
        wanted.add("response.reasoning_summary_text.delta",
                   std::string(R"("delta":")") + piece + R"(","item_id":"rs_resp_N","output_index":0,)",
                   R"(,"summary_index":0)");
    }
    wanted.add("response.reasoning_summary_text.done", R"("item_id":"rs_resp_N","output_index":0,)",
               R"(,"summary_index":0,"text":"hm so")");
    wanted.item("done", reasoning_item, 0);
    wanted.open_message(1).text("Yes", 1).close_message("Yes", 1);
    wanted.whole("response.completed", completed(reasoning_item + "," + message("Yes"), usage_of(7, 2)));
    EXPECT_EQ(
        written({chat::thinking_event{"hm"}, chat::thinking_event{" so"}, chat::text_event{"Yes"}, end()}),
        wanted.all());
}

TEST_F(openai_responses, calls_are_items_and_what_follows_them_is_no_text) {
    const auto item = [](const std::string& name, int index, bool complete) {
        return std::string(R"({"arguments":")") + (complete ? R"({\"a\":1})" : "") +
               R"(","call_id":"call_X","id":"fc_resp_N_)" + std::to_string(index) + R"(","name":")" + name +
               R"(","status":")" + (complete ? "completed" : "in_progress") + R"(","type":"function_call"})";
    };
    events wanted;
    wanted.begin().open_message(0).text("Look:", 0).close_message("Look:", 0);
    int index = 0;
    for (const char* name : {"f", "g"}) {
        const std::string id = R"("item_id":"fc_resp_N_)" + std::to_string(index) + R"(","output_index":)" +
                               std::to_string(index + 1) + ",";
        wanted.item("added", item(name, index, false), index + 1);
        wanted.add("response.function_call_arguments.delta", R"("delta":"{\"a\":1}",)" + id);
        wanted.add("response.function_call_arguments.done", R"("arguments":"{\"a\":1}",)" + id);
        wanted.item("done", item(name, index, true), index + 1);
        ++index;
    }
    std::string all = wanted.all() + ": keep-alive\n\n: keep-alive\n\n";
    events last = wanted;
    last.whole(
        "response.completed",
        completed(message("Look:") + "," + item("f", 0, true) + "," + item("g", 1, true), usage_of(7, 2)));
    all += last.all().substr(wanted.all().size());
    EXPECT_EQ(written({chat::text_event{"Look:"}, call("f"), call("g"), chat::text_event{"and"},
                       chat::thinking_event{"late"}, end()}),
              all);
}

TEST_F(openai_responses, names_are_taken_apart_again_and_searches_are_items_of_their_own) {
    can({"completion", "tools"}, "qwen2.5");
    say({R"(<tool_call>{"name": "math.add", "arguments": {"a": 1}}</tool_call>)",
         R"(<tool_call>{"name": "tool_search", "arguments": {"query": "x"}}</tool_call>)"});
    const std::string tools =
        R"(,"tools":[{"type":"namespace","name":"math","tools":[{"type":"function","name":"add"}]},)"
        R"({"type":"tool_search","parameters":{"type":"object"}}])";
    const std::string called =
        R"({"id":"fc_resp_N_0","type":"function_call","status":"completed","call_id":"call_X","namespace":"math","name":"add","arguments":"{\"a\":1}"})";
    const std::string searched =
        R"({"id":"tsc_resp_N_1","type":"tool_search_call","status":"completed","call_id":"call_X","execution":"client","arguments":{"query":"x"}})";
    const auto tree = nlohmann::ordered_json::parse(whole(tools));
    EXPECT_EQ(tree["output"].dump(), "[" + called + "," + searched + "]");
    const auto got = ask("POST", path, asked + R"(,"stream":true)" + tools + "}");
    std::string kinds;
    std::istringstream lines(got->answer.body);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("event: ")) {
            kinds += line.substr(std::string("event: response.").size()) + " ";
        }
    }
    EXPECT_EQ(
        kinds,
        "created in_progress output_item.added function_call_arguments.delta function_call_arguments.done "
        "output_item.done output_item.added output_item.done completed ");
}

class openai_compaction : public openai_responses {
protected:
    const std::string input =
        R"([{"role":"system","content":"Rules."},{"role":"user","content":"Fix it."},{"role":"assistant","content":"Done: a.c."},)"
        R"({"role":"user","content":"Thanks."})";
    static nlohmann::ordered_json payload_of(const nlohmann::json& item) {
        EXPECT_EQ(item["type"], "compaction");
        return nlohmann::ordered_json::parse(item["encrypted_content"].get<std::string>());
    }
};

TEST_F(openai_compaction, the_models_summary_stands_for_the_conversation_and_goes_back_to_it) {
    say({" a.c is ", "fixed. "});
    // As Codex sends it (codex-api's CompactionInput); of a model that neither thinks nor calls.
    const std::string more =
        R"("instructions":"Be brief.","tools":[{"type":"function","name":"f"}],"parallel_tool_calls":true,)"
        R"("reasoning":{"effort":"low"},"service_tier":"auto","prompt_cache_key":"k","text":{"verbosity":"low"})";
    const auto got =
        ask("POST", path + "/compact", R"({"model":"Tiny",)" + more + R"(,"input":)" + input + "]}");
    EXPECT_EQ(got->answer.content_type, "application/json");
    const auto tree = nlohmann::ordered_json::parse(normal(got->answer.body));
    ASSERT_EQ(tree["output"].size(), 1U);
    const std::string item = tree["output"][0].dump();
    EXPECT_TRUE(item.starts_with(R"({"type":"compaction","encrypted_content":)")) << item;
    EXPECT_EQ(tree.dump(), R"({"id":"resp_N","object":"response.compaction","created_at":1,"output":[)" +
                               item + R"(],"usage":)" + whole_usage(7, 2) + "}");
    EXPECT_EQ(
        payload_of(tree["output"][0]).dump(),
        R"({"type":"ollama_compaction","version":1,"summary":"a.c is fixed.","retained":[{"role":"system","content":"Rules."},)"
        R"({"role":"user","content":"Fix it."},{"role":"user","content":"Thanks."}]})");
    ASSERT_EQ(backend.seen.size(), 1U);
    EXPECT_NE(backend.seen[0].prompt.turns.find("User: Fix it.\n\nAssistant: Done: a.c.\n\nUser: Thanks."),
              std::string::npos)
        << backend.seen[0].prompt.turns;
    EXPECT_EQ(backend.seen[0].max_tokens, 1024U);
    const std::string next = R"({"model":"Tiny","input":[)" + tree["output"][0].dump() +
                             R"(,{"role":"user","content":"And b.c?"}]})";
    EXPECT_EQ(ask("POST", path, next)->answer.status, 200U);
    const chat::rendered_prompt& prompt = backend.seen[1].prompt;
    EXPECT_NE((prompt.system + prompt.turns).find("Summary of the conversation so far:\na.c is fixed."),
              std::string::npos)
        << prompt.system << prompt.turns;
    EXPECT_NE(prompt.turns.find("Fix it."), std::string::npos);
    EXPECT_EQ(prompt.turns.find("Done: a.c."), std::string::npos);
}

TEST_F(openai_compaction, a_trigger_streams_one_item) {
    say({"a.c is fixed."});
    const auto got =
        ask("POST", path,
            R"({"model":"Tiny","stream":true,"input":)" + input + R"(,{"type":"compaction_trigger"}]})");
    const std::string item =
        R"({"encrypted_content":"{\"type\":\"ollama_compaction\",\"version\":1,\"summary\":\"a.c is fixed.\",\"retained\":[]}","type":"compaction"})";
    events wanted;
    wanted.begin();
    std::string all = wanted.all() + ": keep-alive\n\n";
    events last = wanted;
    last.item("added", item, 0).item("done", item, 0);
    last.whole("response.completed", completed(item, usage_of(7, 1)));
    EXPECT_EQ(normal(got->answer.body), all + last.all().substr(wanted.all().size()));
}

TEST_F(openai_compaction, a_long_one_is_cut_in_its_middle_and_silence_is_an_excerpt) {
    backend.context = 600;
    say({" "});
    const std::string text(5'000, 'x');
    const auto got =
        ask("POST", path + "/compact",
            R"({"model":"Tiny","input":[{"role":"user","content":"BEGIN )" + text + R"( END"}]})");
    const auto item = nlohmann::json::parse(got->answer.body)["output"][0];
    EXPECT_NE(payload_of(item)["summary"].get<std::string>().find("xx END"), std::string::npos);
    const std::string& turns = backend.seen.at(0).prompt.turns;
    EXPECT_LT(turns.size(), 2'200U);
    EXPECT_NE(turns.find("BEGIN"), std::string::npos);
    EXPECT_NE(turns.find("[...]"), std::string::npos);
    EXPECT_NE(turns.find("END"), std::string::npos);
}

TEST_F(openai_compaction, a_failure_is_one) {
    die({});
    EXPECT_EQ(refusal(path + "/compact", R"({"model":"Tiny","input":"x"})"),
              refused(500, "the runtime died"));
}

TEST_F(openai_responses, tokens_that_were_not_computed_anew_are_told) {
    say({"Hi"});
    backend.otherwise.cached_tokens = 5;
    const auto got = ask("POST", "/v1/responses", R"({"model":"Tiny","input":"Hi"})");
    const auto usage = nlohmann::json::parse(got->answer.body)["usage"];
    EXPECT_EQ(usage["input_tokens"], 7);
    EXPECT_EQ(usage["input_tokens_details"]["cached_tokens"], 5);
}

TEST_F(openai_responses, a_whole_answer_is_one_object) {
    say({"Hel", "lo"});
    EXPECT_EQ(
        whole(),
        R"({"id":"resp_N","object":"response","created_at":1,"completed_at":1,"status":"completed","incomplete_details":null,"model":"Tiny","previous_response_id":null,"instructions":null,"output":[{"id":"msg_N","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hello","annotations":[],"logprobs":[]}]}],"error":null,"tools":[],"tool_choice":"auto","truncation":"disabled","parallel_tool_calls":true,"text":{"format":{"type":"text"}},"top_p":1,"presence_penalty":0,"frequency_penalty":0,"top_logprobs":0,"temperature":1,"reasoning":null,"usage":{"input_tokens":7,"output_tokens":2,"total_tokens":9,"input_tokens_details":{"cached_tokens":0},"output_tokens_details":{"reasoning_tokens":0}},"max_output_tokens":null,"max_tool_calls":null,"store":false,"background":false,"service_tier":"default","metadata":{},"safety_identifier":null,"prompt_cache_key":null})"
        "\n");
}

TEST_F(openai_responses, the_request_is_said_again) {
    can({"completion", "tools", "thinking"}, "qwen3");
    const auto tree = nlohmann::json::parse(whole(
        R"(,"instructions":"Be brief.","temperature":0.5,"top_p":0.25,"max_output_tokens":90,"reasoning":{"effort":"low","summary":"auto"},)"
        R"("tool_choice":{"type":"function","name":"f"},"parallel_tool_calls":false,"truncation":"auto",)"
        R"("tools":[{"type":"function","name":"f","parameters":{"type":"object"},"strict":true}])"));
    EXPECT_EQ(tree["tool_choice"].dump(), R"({"name":"f","type":"function"})");
    EXPECT_EQ(tree["parallel_tool_calls"], false);
    EXPECT_EQ(tree["truncation"], "auto");
    EXPECT_EQ(tree["instructions"], "Be brief.");
    EXPECT_EQ(tree["temperature"], 0.5);
    EXPECT_EQ(tree["top_p"], 0.25);
    EXPECT_EQ(tree["max_output_tokens"], 90);
    EXPECT_EQ(tree["reasoning"].dump(), R"({"effort":"low","summary":"auto"})");
    EXPECT_EQ(tree["tools"][0]["name"], "f");
}

TEST_F(openai_responses, what_of_its_tools_has_no_effect_is_told_in_a_header) {
    can({"completion", "tools"}, "qwen3");
    const std::string tools =
        R"(,"tools":[{"type":"function","name":"f"},{"type":"web_search"},{"type":"custom","name":"apply_patch"},{"type":"a\r\nb"}])";
    for (const char* const stream : {"", R"(,"stream":true)"}) {
        const auto got =
            ask("POST", path,
                asked + tools + stream +
                    R"(,"parallel_tool_calls":false,"truncation":"disabled","max_tool_calls":1})");
        EXPECT_EQ(got->answer.headers.find("Corral-Ignored"),
                  "truncation, tools.web_search, tools.custom.apply_patch, tools.a??b");
    }
    const auto plain = ask("POST", path, asked + R"(,"tools":[{"type":"function","name":"f"}]})");
    EXPECT_TRUE(plain->answer.headers.find("Corral-Ignored").empty());
    const auto kept = ask("POST", path, asked + R"(,"previous_response_id":"resp_1","conversation":null})");
    EXPECT_EQ(kept->answer.headers.find("Corral-Ignored"), "previous_response_id")
        << "an answer without its past";
}

TEST_F(openai_responses, whole_calls_take_the_place_of_the_message) {
    responses_answer writer("Tiny", read_echo(), random);
    whole_answer said;
    said.thinking = "hm so";
    said.text = "Look:";
    said.calls.push_back(std::get<chat::tool_call_event>(call("f")).call);
    const auto tree = nlohmann::ordered_json::parse(normal(writer.whole(said, {})));
    EXPECT_EQ(
        tree["output"].dump(),
        R"([{"id":"rs_resp_N","type":"reasoning","summary":[{"type":"summary_text","text":"hm so"}],"encrypted_content":"hm so"},)"
        R"({"id":"fc_resp_N_0","type":"function_call","status":"completed","call_id":"call_X","name":"f","arguments":"{\"a\":1}"}])");
}

TEST_F(openai_responses, a_failure_after_text_fails_the_response) {
    die({"half"});
    events wanted;
    wanted.begin().open_message(0).text("half", 0);
    shown_response failed;
    failed.status = "failed";
    failed.error = R"({"code":"server_error","message":"the runtime died"})";
    wanted.whole("response.failed", failed);
    wanted.add(
        "error",
        R"("code":"server_error","error":{"code":null,"message":"the runtime died","param":null,"type":"api_error"},"message":"the runtime died","param":null,)");
    EXPECT_EQ(streamed(), wanted.all());
    die({});
    EXPECT_EQ(refusal(path, asked + R"(,"stream":true})"), refused(500, "the runtime died"));
}

TEST_F(openai_responses, silence_is_broken_after_the_opening) {
    be_impatient();
    backend.otherwise.gate_before_text = true;
    const auto got = start("POST", path, asked + R"(,"stream":true})");
    ASSERT_TRUE(test::run_until(io, [&] { return got->answer.writes.size() >= 3; }));
    events opening;
    opening.begin();
    EXPECT_EQ(normal(got->answer.writes[0]), opening.all());
    EXPECT_EQ(got->answer.writes[1], ": keep-alive\n\n");
    backend.otherwise.gate_before_text = false;
    backend.open_gates();
    ASSERT_TRUE(test::run_until(io, [&] { return got->over; }));
    EXPECT_NE(got->answer.body.find("event: response.completed\n"), std::string::npos);
    EXPECT_EQ(got->answer.body.find("[DONE]"), std::string::npos);
}

}  // namespace
}  // namespace corral::api::openai
