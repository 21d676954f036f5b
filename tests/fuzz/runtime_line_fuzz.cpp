// What a runtime prints: lines are the same however they arrive, bounded and printable, and nothing in them is believed
// that can't be.

#include "corral/telemetry/output_lines.hpp"
#include "engine/dialects/ax_poll/log_reader.hpp"
#include "fuzz_input.hpp"
#include "supervisor/service/line_meaning.hpp"
#include "supervisor/service/quotations.hpp"

namespace {

using namespace corral;

std::vector<std::string> lines_of(const std::vector<std::string>& pieces) {
    std::vector<std::string> out;
    telemetry::line_assembler lines([&out](std::string_view line) { out.emplace_back(line); },
                                    [](std::string_view) {}, 256);
    for (const std::string& piece : pieces) {
        lines.feed(piece);
    }
    lines.finish();
    return out;
}

// What the lines say of a run whose process is known to count as expected.
std::vector<engine::ax_poll::run_report::ending> ends_of(const std::vector<std::string>& pieces) {
    using engine::ax_poll::run_report;
    run_report report;
    report.feed(
        "[I][ SetKVCache][ 614]: precompute_len:1 input_num_token:1\n[I][ GetKVCache][ 583]: "
        "precompute_len:3\n");
    report.learn(1);
    tests::demand(report.judge(1) == run_report::ending::whole, "it was learned");
    report.begin();
    for (const std::string& piece : pieces) {
        report.feed(piece);
    }
    report.feed("\n");
    std::vector<run_report::ending> out;
    for (const std::uint32_t made : {0U, 1U, 3U, 7U, ~0U}) {
        out.push_back(report.judge(made));
    }
    tests::demand(out.front() == run_report::ending::unknown, "no run is judged without a token");
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tests::fuzz_input in(data, size);
    tests::cut_plan plan(in);
    const std::string text(in.rest());
    const std::vector<std::string> whole = lines_of({text});
    tests::demand(whole == lines_of(plan.cut(text)), "the same lines however they arrive");
    catalog::log_meaning known;
    known.pattern = "run error";
    supervisor::quotations quotations;
    for (const std::string& line : whole) {
        tests::demand(line.size() <= 1024, "a line is bounded");
        tests::demand(line.find('\x1b') == std::string::npos, "no escape is left");
        const auto progress = supervisor::progress_in(line);
        tests::demand(!progress || (*progress >= 0 && *progress <= 1), "a share is one");
        const auto kept = quotations.next(line);
        tests::demand(!kept || kept->size() <= line.size() + 64, "nothing grows");
        (void)supervisor::meaning_of({known}, line);
    }
    engine::ax_poll::log_reader sizes({});
    sizes.on_process_started();
    sizes.feed(text);
    tests::demand(sizes.sizes().positions <= 10'000'000 && sizes.sizes().prompt_limit <= 10'000'000,
                  "sizes can be");
    tests::demand(ends_of({text}) == ends_of(plan.cut(text)), "a run has one end however its lines arrive");
    return 0;
}
