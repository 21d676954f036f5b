// A client's schema on the first line, an answer behind it: the pieces don't matter, and what is handed on is
// JSON.

#include "chat/answer/utf8_assembler.hpp"
#include "chat/json/json_search.hpp"
#include "corral/chat/structured_output.hpp"
#include "fuzz_input.hpp"

namespace {

using namespace corral;

std::string outcome(const chat::format_plan& plan, const std::vector<std::string>& pieces, bool cut) {
    chat::format_reader reader(plan);
    std::string all;
    for (const auto& piece : pieces) {
        reader.feed(piece);
        all += piece;
    }
    tests::demand(all.starts_with(reader.written()), "what the model wrote is kept");
    tests::demand(reader.complete() || reader.written() == all, "all of it, until a value fits");
    const auto text = reader.finish(cut);
    if (!text) {
        tests::demand(!text.error().message.empty(), "a violation has a sentence");
        return "failed: " + text.error().message;
    }
    tests::demand(nlohmann::json::accept(*text), "what is handed on is JSON");
    return *text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tests::fuzz_input input(data, size);
    const bool cut_off = input.choice() % 2 == 1;
    tests::cut_plan pieces(input);
    const auto line = input.rest().substr(0, input.rest().find('\n'));
    const auto wanted = chat::read_bounded_json(line);
    const auto plan = chat::format_plan::make(wanted.value_or("json"));
    if (!plan) {
        tests::demand(!plan.error().message.empty(), "a refusal says why");
        return 0;
    }
    tests::demand(!plan->instruction(false).empty(), "the model is told something");
    chat::utf8_assembler characters;
    auto answer = characters.feed(input.rest().substr(std::min(line.size() + 1, input.rest().size())));
    answer += characters.finish();
    const auto whole = outcome(*plan, {answer}, cut_off);
    tests::demand(whole == outcome(*plan, pieces.cut(answer), cut_off), "the pieces do not matter");
    return 0;
}
