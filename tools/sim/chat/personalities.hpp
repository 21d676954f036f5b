#pragma once

#include <string>
#include <vector>

// The chat servers that corral-sim plays, by the names of the originals. Each returns the exit status, or
// never.
namespace corral::sim {

struct chat_personality {
    const char* name;   // as a command and as the name of a symlink
    const char* alias;  // another name of the same, or ""
    const char* usage;
    int (*run)(const std::vector<std::string>& args);
};

int run_llama_server(const std::vector<std::string>& args);
int run_rkllm_flask(const std::vector<std::string>& args);
int run_rkllm_gradio(const std::vector<std::string>& args);
int run_axllm(const std::vector<std::string>& args);
int run_vllm(const std::vector<std::string>& args);
int run_vllm_engine_core(const std::vector<std::string>& args);
int run_rkllm_openai(const std::vector<std::string>& args);
int run_mindie(const std::vector<std::string>& args);
int run_hailo_ollama(const std::vector<std::string>& args);
int run_rkllama(const std::vector<std::string>& args);
int run_axera_sse(const std::vector<std::string>& args);
int run_fastllm(const std::vector<std::string>& args);

// nullptr when nobody has this name.
const chat_personality* find_personality(const std::string& name);
std::string personalities_usage();

}  // namespace corral::sim
