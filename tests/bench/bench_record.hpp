#pragma once
// A run of a few tests, for what is written of one.

#include "corral/bench/measurement.hpp"

namespace corral::bench::test {

inline test_result bench_result(const std::string& title, ending how, std::int64_t prompt, double first_s) {
    test_result out;
    out.test.id = title;
    out.test.title = title;
    out.test.messages.push_back({"user", "Say it."});
    out.seen.how = how;
    out.seen.input_tokens = prompt;
    out.seen.output_tokens = 20;
    out.seen.prefill_s = first_s;
    out.seen.first_piece_s = first_s + 0.01;
    out.seen.piece_s = {first_s + 0.01, first_s + 0.2, first_s + 0.5};
    out.seen.decode_s = 4;
    out.seen.total_s = first_s + 4;
    out.seen.text = "It is said.";
    out.seen.pieces = 3;
    return out;
}

inline run_record bench_record() {
    run_record run;
    run.model = "qwen3:4b";
    run.url = "http://127.0.0.1:11434";
    run.server = "0.33.0";
    run.facts.corral = "1.0.0";
    run.facts.profile = "axera-poll";
    run.facts.parameters = "4B";
    run.facts.quantization = "w8a16";
    run.facts.package = "Qwen3-4B";
    run.hardware = "Raspberry Pi 5, card 0 AX650N";
    run.set = "corral";
    run.generated = "2026-01-02 03:04:05";
    run.duration_s = 20;
    run.planned = 4;
    run.results = {bench_result("Short", ending::success, 10, 0.1),
                   bench_result("Long", ending::success, 1000, 2),
                   bench_result("JSON", ending::wrong, 20, 0.2), bench_result("Tool", ending::unable, 0, 0)};
    run.results[2].seen.reason = "the answer is no valid JSON";
    run.results[3].seen.reason = "the model can't call tools";
    return run;
}

}  // namespace corral::bench::test
