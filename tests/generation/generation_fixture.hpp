#pragma once
// The generation path and the scheduler over a scripted backend.

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "corral/generation/generation_service.hpp"
#include "scheduler/fake_backend.hpp"

namespace corral::test {

class generation_fixture : public testing::Test {
protected:
    generation_fixture() { build(); }
    ~generation_fixture() override {
        admission->refuse_new();
        backend.otherwise.gate_before_text = false;
        backend.open_gates();
        tasks.cancel();
        run_until(io, [&] {
            backend.open_gates();
            return tasks.empty();
        });
        admission.reset();
        settle(io);
    }
    void build(generation::generation_options options = {}, std::size_t max_queue = 8) {
        generations.reset();
        admission = std::make_unique<scheduler::scheduler>(io.get_executor(), clock,
                                                           scheduler::scheduler_options{max_queue});
        admission->add(backend);
        generations = std::make_unique<generation::generation_service>(tasks, clock, random, *admission,
                                                                       models, options);
    }

    // For the model of that name, if there is one.
    generation::generation_handle begin(chat::generation_request what) {
        generation::served model = models.find(what.model);
        return generations->start(std::move(what), std::move(model));
    }

    boost::asio::io_context io;
    core::steady_clock_source clock;
    core::seeded_random random{7};
    fake_backend backend{io};
    generation::model_directory models{{{&backend.entry, &backend}}};
    std::vector<std::string> task_errors;
    core::task_group tasks{io.get_executor(), [this](const std::string& task, const std::string& what) {
                               task_errors.push_back(task + ": " + what);
                           }};
    std::unique_ptr<scheduler::scheduler> admission;
    std::unique_ptr<generation::generation_service> generations;
};

}  // namespace corral::test
