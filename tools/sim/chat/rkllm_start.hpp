#pragma once

#include <string>
#include <vector>

#include "chat/chat_program.hpp"

// What both generations of Rockchip's server have in common (docs/facts/other_runtimes.md#rkllm-launch,
// #rkllm-start).
namespace corral::sim {

// Werkzeug's; `http10`: releases before 2.1, or one without threads.
http_look rkllm_look(bool http10);

// The arguments, the log of a load, and the ends of a failed one: most of them with status 0. Returns the
// model's name.
std::string load_rkllm(chat_program& program, const std::vector<std::string>& args, const char* version);

// What script and library print at the end of a run, which its client does not see.
void say_end_of_run(chat_program& program, const run_figures& figures);

[[noreturn]] void end_port_taken();
void announce_flask(int port);

}  // namespace corral::sim
