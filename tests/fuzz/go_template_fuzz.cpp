// A client's prompt template: refused with a reason, or bounded whole UTF-8, the same each time.

#include "chat/answer/utf8_assembler.hpp"
#include "chat/go_template/go_template.hpp"
#include "fuzz_input.hpp"

namespace {

using namespace corral;

const nlohmann::ordered_json& conversation() {
    static const auto data = nlohmann::ordered_json::parse(R"({
        "System": "Be brief.", "Prompt": "Gr\u00fc\u00df \u4e16", "Response": "", "Suffix": "", "Think": true,
        "ThinkLevel": "high", "IsThinkSet": true,
        "Messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi <|im_end|>"},
            {"role": "assistant", "content": "", "thinking": "Hm.",
             "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1.5, "y": [true, null]}}}]},
            {"role": "tool", "content": "42", "tool_name": "f"}],
        "Tools": [{"type": "function", "function": {"name": "f", "description": "d",
                   "parameters": {"type": "object", "required": ["x"], "properties": {"x": {"type": "number"}}}}}]
    })");
    return data;
}

std::string outcome(const chat::go_template::compiled& program, bool until_response) {
    const auto out = program.execute(conversation(), "2026-01-02", until_response);
    if (!out) {
        tests::demand(!out.error().message.empty(), "a failure says why");
        return "failed: " + out.error().message;
    }
    tests::demand(out->size() <= 16U * 1024 * 1024, "what is printed is bounded");
    chat::utf8_assembler characters;
    auto whole = characters.feed(*out);
    whole += characters.finish();
    tests::demand(whole == *out, "what is printed is whole UTF-8");
    return *out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    chat::utf8_assembler characters;
    auto source = characters.feed(std::string_view(reinterpret_cast<const char*>(data), size));
    source += characters.finish();
    const auto program = chat::go_template::compiled::from(source);
    if (!program) {
        tests::demand(!program.error().message.empty(), "a refusal says why");
        return 0;
    }
    tests::demand(outcome(*program, false) == outcome(*program, false), "it prints the same each time");
    static_cast<void>(outcome(*program, true));
    return 0;
}
