#include "generation/format_request.hpp"

#include <gtest/gtest.h>

#include "scheduler/fake_backend.hpp"

namespace corral::generation {
namespace {

using catalog::format_form;

struct asked_format {
    format_form form = format_form::llama_cpp;
    bool can_think = true;
    bool thinks = true;
    bool starts_in_thinking = false;
    bool verbatim = true;  // the prompt and what the runtime takes
    bool in_parts = false;
    chat::role last = chat::role::user;
    bool tools = false;
    bool any = true;
};

held_part part_held(const asked_format& with) {
    boost::asio::io_context io;
    test::fake_backend backend(io);
    backend.entry.runtime.traits.formats = with.form;
    backend.entry.capabilities = {"completion"};
    if (with.can_think) {
        backend.entry.capabilities.emplace_back("thinking");
    }
    backend.verbatim = with.verbatim;
    chat::generation_request request;
    chat::message& last = request.messages.emplace_back();
    last.from = with.last;
    last.content = "Ada is";
    if (with.any) {
        request.format = "json";
    }
    if (with.tools) {
        request.tools = nlohmann::ordered_json::parse(R"([{"type":"function","function":{"name":"f"}}])");
    }
    chat::rendered_prompt prompt;
    prompt.thinking = with.thinks;
    prompt.starts_in_thinking = with.starts_in_thinking;
    prompt.verbatim = with.verbatim;
    return held_to_format(request, served_model{&backend.entry, &backend}, prompt, with.in_parts);
}

TEST(format_request, says_what_of_an_answer_the_runtime_is_to_hold_to_the_format) {
    const struct {
        asked_format with;
        held_part wanted;
    } table[] = {
        {{.any = false}, held_part::nothing},
        {{.tools = true}, held_part::nothing},
        {{.last = chat::role::assistant}, held_part::nothing},
        {{.thinks = false}, held_part::whole},
        {{.can_think = false}, held_part::whole},
        {{.can_think = false, .starts_in_thinking = true}, held_part::behind_thoughts},
        {{}, held_part::behind_thoughts},
        {{.in_parts = true}, held_part::nothing},
        {{.thinks = false, .in_parts = true}, held_part::whole},
        {{.verbatim = false}, held_part::nothing},
        {{.form = format_form::none}, held_part::nothing},
        {{.form = format_form::none, .thinks = false}, held_part::whole},
        {{.form = format_form::ollama}, held_part::behind_thoughts},
        {{.form = format_form::ollama, .verbatim = false}, held_part::whole},
    };
    for (const auto& row : table) {
        EXPECT_EQ(part_held(row.with), row.wanted) << "row " << (&row - table);
    }
}

}  // namespace
}  // namespace corral::generation
