#include "chat/rkllm_start.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>

#include "chat/command_flags.hpp"
#include "process_end.hpp"

namespace corral::sim {
namespace {

constexpr std::array<const char*, 4> platforms{"rk3588", "rk3576", "rk3562", "rv1126b"};

[[noreturn]] void refuse_arguments(const std::string& why) {
    std::fprintf(
        stderr,
        "usage: flask_server.py [-h] --rkllm_model_path RKLLM_MODEL_PATH --target_platform TARGET_PLATFORM\n"
        "                       [--lora_model_path LORA_MODEL_PATH] [--prompt_cache_path PROMPT_CACHE_PATH]\n"
        "flask_server.py: error: %s\n",
        why.c_str());
    leave(2);
}

[[noreturn]] void end_quietly(const char* words) {
    std::puts(words);
    leave(0);
}

void say_line(const std::string& line) {
    std::puts(line.c_str());
    std::fflush(stdout);
}

}  // namespace

void say_end_of_run(chat_program& program, const run_figures& figures) {
    if (program.faults().active("npu_refuses")) say_line("E RKNN: [10:00:00.000] matmul(w8a8) run failed");
    say_line(figures.reason == "error" ? "run error" : "");
}

http_look rkllm_look(bool http10) {
    http_look look;
    look.http10 = http10;
    look.keep_alive = false;
    look.shouts = true;
    look.lazy_head = true;
    look.headers = {{"Server", "Werkzeug/2.2.2 Python/3.11.2"}};
    return look;
}

std::string load_rkllm(chat_program& program, const std::vector<std::string>& args, const char* version) {
    const command_flags flags(
        args, {"--rkllm_model_path", "--target_platform", "--lora_model_path", "--prompt_cache_path"}, {});
    if (!flags.wrong().empty()) refuse_arguments("unrecognized arguments: " + flags.wrong());
    if (!flags.has("--rkllm_model_path") || !flags.has("--target_platform"))
        refuse_arguments("the following arguments are required: --rkllm_model_path, --target_platform");
    const auto path = flags.text("--rkllm_model_path", "");
    const auto platform = flags.text("--target_platform", "");
    if (!std::filesystem::exists(path))
        end_quietly(
            "Error: Please provide the correct rkllm model path, and ensure it is the absolute path on the "
            "board.");
    if (std::find(platforms.begin(), platforms.end(), platform) == platforms.end())
        end_quietly("Error: Please specify the correct target platform: rk3588/rk3576/rv1126b/rk3562.");
    std::string upper = platform;
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    say_line("=========init....===========");
    say_line(std::string("I rkllm: rkllm-runtime version: ") + version +
             ", rknpu driver version: 0.9.8, platform: " + upper);
    say_line("I rkllm: loading rkllm model from " + path);
    const auto end = program.load();
    if (end == load_end::no_memory) {
        say_line("E rkllm: failed to malloc npu memory, size: 268435456, flags: 0x2");
        say_line("E RKNN: failed to allocate handle, ret: -1, errno: 12, errstr: Cannot allocate memory");
    }
    if (end == load_end::failed) say_line("E rkllm: load model file error!");
    if (end != load_end::done) end_quietly("rkllm init failed");
    say_line(std::string("I rkllm: rkllm-toolkit version: ") + version +
             ", max_context_limit: 4096, npu_core_num: 3, target_platform: " + upper + ", model_dtype: W8A8");
    say_line("rkllm init success!");
    return std::filesystem::path(path).stem().string();
}

void end_port_taken() {
    std::fputs(
        "Address already in use\nPort 8080 is in use by another program. Either identify and stop that "
        "program, "
        "or start the server with a different port.\n",
        stderr);
    chat_program::leave_clean(1);
}

void announce_flask(int port) {
    say_line(" * Serving Flask app 'flask_server'");
    say_line(" * Debug mode: off");
    say_line(" * Running on http://127.0.0.1:" + std::to_string(port));
}

}  // namespace corral::sim
