// A model's text through every family's filter: the pieces don't matter, and what comes out is whole.

#include "chat/filter_run.hpp"
#include "fuzz_input.hpp"

namespace {

using namespace corral;

chat::filter_options options(tests::fuzz_input& from) {
    const auto& families = chat::families();
    chat::filter_options how;
    how.format = families[from.choice() % families.size()];
    const auto choice = from.choice();
    how.separate_thinking = (choice & 1U) != 0;
    how.starts_in_thinking = (choice & 2U) != 0;
    if ((choice & 4U) != 0) {
        how.tool_names = {"f", "get_weather"};
    }
    if ((choice & 8U) != 0) {
        how.stops = {"END", "</", "b\xC3\xA9", "\n\n", "E"};
    }
    how.one_call = (choice & 16U) != 0;
    return how;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tests::fuzz_input input(data, size);
    const auto how = options(input);
    tests::cut_plan plan(input);
    const std::string text(input.rest());
    const auto whole = chat::tests::run_filter(how, {text});
    const auto cut = chat::tests::run_filter(how, plan.cut(text));
    tests::demand(whole.problem.empty(), whole.problem);
    tests::demand(cut.problem.empty(), cut.problem);
    tests::demand(whole.lines == cut.lines, "the pieces do not matter");
    return 0;
}
