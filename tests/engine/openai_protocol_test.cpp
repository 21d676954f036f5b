#include "engine/dialects/openai_sse/openai_protocol.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "engine/whole_body.hpp"

namespace corral::engine::openai_sse {
namespace {

using nlohmann::json;
using testing::HasSubstr;

run_spec talk() {
    run_spec out;
    out.prompt.system = "Be brief.";
    out.prompt.turns = "<user>hi<end>";
    out.prompt.messages = {{"system", "Be brief."}, {"user", "hi"}, {"assistant", "hello"}, {"user", "and?"}};
    return out;
}

json body_of(const catalog::runtime_traits& traits, const run_spec& what) {
    const auto asked = openai_protocol(traits).request_for(what);
    EXPECT_TRUE(asked) << asked.error().message;
    return asked ? json::parse(tests::whole_body(*asked)) : json();
}

TEST(openai_protocol, what_is_not_said_is_not_sent) {
    EXPECT_EQ(body_of({}, talk()), json::parse(R"({"stream": true, "messages": [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "hello"}, {"role": "user", "content": "and?"}]})"));
}

TEST(openai_protocol, images_come_before_their_text_byte_for_byte) {
    run_spec what = talk();
    const auto image = std::make_shared<const chat::image>(chat::image{"image/png", "iVBORw0KGgo="});
    what.prompt.messages = {{"user", "look", {image}}, {"assistant", "ok"}, {"user", "", {image, image}}};
    EXPECT_EQ(body_of({}, what)["messages"], json::parse(R"([
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
                                     {"type": "text", "text": "look"}]},
        {"role": "assistant", "content": "ok"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
                                     {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]}])"));
    catalog::runtime_traits traits;
    what.format = "json";
    traits.formats = catalog::format_form::llama_cpp;
    EXPECT_EQ(body_of(traits, what)["response_format"], json::parse(R"({"type": "json_object"})"));
    const auto asked = openai_protocol(traits).request_for(what);
    ASSERT_EQ(asked->inserts.size(), 3U);
    EXPECT_EQ(asked->inserts[1].text.get(), &image->base64) << "no copy is made";
    traits.counts = catalog::count_source::llama_cpp;
    const auto question = openai_protocol(traits).size_question(what.prompt, {});
    ASSERT_TRUE(question);
    EXPECT_EQ(json::parse(question->body)["messages"][0]["content"], "look") << "texts alone are counted";
    EXPECT_TRUE(question->inserts.empty());
    traits.conversation = catalog::conversation_form::single_message;
    EXPECT_FALSE(openai_protocol(traits).request_for(what));
}

TEST(openai_protocol, a_server_without_system_turns_reads_it_before_the_first_user_turn) {
    catalog::runtime_traits traits;
    traits.conversation = catalog::conversation_form::folded_system;
    EXPECT_EQ(body_of(traits, talk())["messages"], json::parse(R"([
        {"role": "user", "content": "Be brief.\n\nhi"}, {"role": "assistant", "content": "hello"},
        {"role": "user", "content": "and?"}])"));
}

// Its template would have it before the newest result, which speaks as the user, and move it with each call.
TEST(openai_protocol,
     a_template_with_the_system_prompt_at_the_newest_question_finds_it_there_in_a_tool_loop) {
    openai_protocol server{catalog::runtime_traits{}};
    server.note_system_at_question(true);
    const auto sent = [&server](const run_spec& what) {
        return json::parse(server.request_for(what)->body)["messages"];
    };
    run_spec what = talk();
    EXPECT_EQ(sent(what)[0]["role"], "system") << "a person asks, and the template does it";
    what.prompt.messages.push_back({"assistant", "call 1"});
    what.prompt.messages.push_back({"user", "result 1", {}, true});
    EXPECT_EQ(sent(what), json::parse(R"([
        {"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"},
        {"role": "user", "content": "Be brief.\n\nand?"}, {"role": "assistant", "content": "call 1"},
        {"role": "user", "content": "result 1"}])"));
    const json before = sent(what);
    what.prompt.messages.push_back({"assistant", "call 2"});
    what.prompt.messages.push_back({"user", "result 2", {}, true});
    const json after = sent(what);
    EXPECT_EQ(std::mismatch(before.begin(), before.end(), after.begin()).first, before.end()) << "it goes on";
    server.note_system_at_question(false);
    EXPECT_EQ(sent(what)[0]["role"], "system");
}

TEST(openai_protocol, a_server_that_reads_one_message_gets_all_of_it_there) {
    catalog::runtime_traits traits;
    traits.conversation = catalog::conversation_form::single_message;
    EXPECT_EQ(body_of(traits, talk())["messages"],
              json::parse(R"([{"role": "user", "content": "Be brief.\n\n<user>hi<end>"}])"));
    run_spec bare = talk();
    bare.prompt.system.clear();
    EXPECT_EQ(body_of(traits, bare)["messages"][0]["content"], "<user>hi<end>");
}

TEST(openai_protocol, only_honoured_values_are_sent_and_under_the_servers_names) {
    catalog::runtime_traits traits;
    traits.sampling = {"temperature", "repetition_penalty", "seed", "top_k"};
    run_spec what = talk();
    what.sampling.temperature = 0.5;
    what.sampling.repeat_penalty = 1.1;
    what.sampling.top_p = 0.9;
    what.sampling.seed = 7;
    const json body = body_of(traits, what);
    EXPECT_EQ(body["temperature"], 0.5);
    EXPECT_EQ(body["repetition_penalty"], 1.1);
    EXPECT_EQ(body["seed"], 7);
    for (const char* key : {"top_p", "top_k", "repeat_penalty"}) {
        EXPECT_FALSE(body.contains(key)) << key;
    }
}

TEST(openai_protocol, a_limit_goes_out_under_the_name_that_is_honoured_or_not_at_all) {
    catalog::runtime_traits traits;
    run_spec what = talk();
    EXPECT_FALSE(body_of(traits, what).contains("max_tokens"));
    traits.most_tokens = 512;
    EXPECT_EQ(body_of(traits, what)["max_tokens"], 512);
    what.max_tokens = 9;
    EXPECT_EQ(body_of(traits, what)["max_tokens"], 9);
    traits.max_tokens = "max_completion_tokens";
    EXPECT_EQ(body_of(traits, what)["max_completion_tokens"], 9);
    traits.max_tokens.clear();
    const json body = body_of(traits, what);
    EXPECT_FALSE(body.contains("max_tokens"));
    EXPECT_FALSE(body.contains("max_completion_tokens"));
}

TEST(openai_protocol, the_traits_say_name_usage_thinking_and_fixed_values) {
    catalog::runtime_traits traits;
    traits.model_name = "served";
    traits.asks_for_usage = true;
    traits.thinking_switch = "/chat_template_kwargs/enable_thinking";
    traits.extra = {{"cache_prompt", "false"}};
    run_spec what = talk();
    what.prompt.thinking = true;
    const json body = body_of(traits, what);
    EXPECT_EQ(body["model"], "served");
    EXPECT_EQ(body["stream_options"], json::parse(R"({"include_usage": true})"));
    EXPECT_EQ(body["chat_template_kwargs"], json::parse(R"({"enable_thinking": true})"));
    EXPECT_EQ(body["cache_prompt"], false);
    EXPECT_FALSE(body.contains("return_progress"));
    traits.counts = catalog::count_source::vllm;
    EXPECT_EQ(body_of(traits, what)["stream_options"],
              json::parse(R"({"include_usage": true, "continuous_usage_stats": true})"));
    traits.streams = false;
    EXPECT_FALSE(body_of(traits, what).contains("stream_options")) << "only streams have options";
}

TEST(openai_protocol, a_model_of_llama_server_has_ollamas_words_for_its_sizes) {
    const auto told = [](const std::string& parameters, const std::string& type) {
        const stated_model model = openai_protocol(catalog::runtime_traits{})
                                       .model_in(R"({"data":[{"meta":{"n_params":)" + parameters +
                                                 R"(,"ftype":")" + type + R"("}}]})");
        return model.parameter_size + " " + model.quantization;
    };
    EXPECT_EQ(told("510000", "(guessed) all F32"), "510K F32");
    EXPECT_EQ(told("4022468096", "Q4_K - Medium"), "4.0B Q4_K_M");
    EXPECT_EQ(told("4000000000", "Q3_K - Large"), "4B Q3_K_L");
    EXPECT_EQ(told("1540000", "IQ2_XXS - 2.0625 bpw"), "1.54M IQ2_XXS");
    EXPECT_EQ(told("999", "MXFP4 MoE"), "999 MXFP4");
    EXPECT_EQ(told("0", ""), " ");
}

TEST(openai_protocol, a_raw_prompt_goes_where_the_server_takes_it_and_else_is_refused) {
    run_spec what = talk();
    what.prompt.verbatim = true;
    const auto refused = openai_protocol({}).request_for(what);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, core::make_error_code(core::errc::refused));
    catalog::runtime_traits traits;
    traits.completion_target = "/v1/completions";
    const auto asked = openai_protocol(traits).request_for(what);
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->target, "/v1/completions");
    const json body = json::parse(asked->body);
    EXPECT_EQ(body["prompt"], "<user>hi<end>");
    EXPECT_FALSE(body.contains("messages"));
}

TEST(openai_protocol, a_server_with_slots_is_told_which_and_whether_its_cache_may_be_used) {
    run_spec what = talk();
    what.slot = 2;
    EXPECT_FALSE(body_of({}, what).contains("id_slot"));
    EXPECT_FALSE(body_of({}, what).contains("cache_prompt"));
    catalog::runtime_traits traits;
    traits.prefix_cache = catalog::prefix_cache::llama_cpp;
    EXPECT_EQ(body_of(traits, what)["id_slot"], 2);
    EXPECT_EQ(body_of(traits, what)["cache_prompt"], true);
    what.computes_all = true;
    EXPECT_EQ(body_of(traits, what)["cache_prompt"], false);
    what.slot.reset();
    EXPECT_FALSE(body_of(traits, what).contains("id_slot"));
    traits.prefix_cache = catalog::prefix_cache::automatic;
    EXPECT_FALSE(body_of(traits, what).contains("cache_prompt"));
}

TEST(openai_protocol, a_server_that_keeps_salted_prompts_apart_is_told_the_salt) {
    run_spec what = talk();
    what.cache_salt = "of ann";
    EXPECT_FALSE(body_of({}, what).contains("cache_salt"));
    catalog::runtime_traits traits;
    traits.prefix_cache = catalog::prefix_cache::vllm;
    EXPECT_EQ(body_of(traits, what)["cache_salt"], "of ann");
    EXPECT_FALSE(body_of(traits, what).contains("cache_prompt"));
    what.cache_salt.clear();
    EXPECT_FALSE(body_of(traits, what).contains("cache_salt")) << "an empty one is refused";
}

TEST(openai_protocol, a_format_goes_out_in_the_servers_words_with_its_properties_in_order) {
    catalog::runtime_traits traits;
    traits.completion_target = "/v1/completions";
    run_spec what = talk();
    what.format = nlohmann::ordered_json::parse(R"({"properties":{"why":{},"answer":{}}})");
    const auto bytes = [&what](const catalog::runtime_traits& with) {
        const auto asked = openai_protocol(with).request_for(what);
        EXPECT_TRUE(asked && json::accept(asked->body));
        return asked ? asked->body : std::string();
    };
    EXPECT_THAT(bytes(traits), testing::Not(HasSubstr("why"))) << "a server that knows of none";
    for (const auto form : {catalog::format_form::response_format, catalog::format_form::llama_cpp}) {
        traits.formats = form;
        what.prompt.verbatim = false;
        EXPECT_THAT(bytes(traits), HasSubstr(R"("schema":{"properties":{"why":{},"answer":{}}})"));
        EXPECT_EQ(json::parse(bytes(traits))["response_format"]["type"], "json_schema");
        what.prompt.verbatim = true;
        const json raw = json::parse(bytes(traits));
        EXPECT_TRUE(
            raw.contains(form == catalog::format_form::llama_cpp ? "json_schema" : "response_format"));
    }
    what.prompt.verbatim = false;
    what.format = "json";
    EXPECT_EQ(json::parse(bytes(traits))["response_format"], json::parse(R"({"type":"json_object"})"));
}

TEST(openai_protocol, a_text_that_is_no_utf8_makes_no_broken_request) {
    run_spec what = talk();
    what.prompt.messages = {{"user",
                             "a\xff"
                             "b"}};
    EXPECT_THAT(openai_protocol({}).request_for(what)->body, HasSubstr("a\xef\xbf\xbd"
                                                                       "b"));
}

TEST(openai_protocol, refusals_are_told_in_the_servers_words_and_busy_ones_apart) {
    catalog::runtime_traits traits;
    traits.busy_statuses = {503};
    const openai_protocol asked(traits);
    const auto busy = asked.error_of(503, R"({"error": "Service is alive but busy", "error_type": "x"})");
    EXPECT_TRUE(busy.busy);
    EXPECT_EQ(busy.message, "Service is alive but busy");
    const auto too_long = asked.error_of(
        400,
        R"({"object": "error", "message": "This model's maximum context length is 9 tokens. However, you requested 20."})");
    EXPECT_FALSE(too_long.busy);
    EXPECT_TRUE(too_long.context);
    EXPECT_EQ(too_long.status, 400U);
    const auto page = asked.error_of(502, "<html><head><title>502 Bad Gateway</title></head></html>");
    EXPECT_EQ(page.message, "502 Bad Gateway");
}

}  // namespace
}  // namespace corral::engine::openai_sse
