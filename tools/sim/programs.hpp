#pragma once

#include <string>
#include <vector>

// The parts of corral-sim; each returns the exit status, or never.
namespace corral::sim {

int run_runtime(const std::string& argv0, const std::vector<std::string>& args);
int run_tokenizer(const std::string& argv0, const std::vector<std::string>& args);
int run_axcl_smi(std::vector<std::string> args);
int run_npu_smi(const std::vector<std::string>& args);
int run_rknpu_load();
int run_package(const std::vector<std::string>& args);
int run_control(const std::vector<std::string>& args);

// Port and address that the environment asks for.
int port_from_environment(int fallback);
std::string address_from_environment(const std::string& fallback);

}  // namespace corral::sim
