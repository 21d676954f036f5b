#include "make_backend.hpp"

namespace corral::app {

core::result<const engine::dialect_descriptor*> dialect_of(const catalog::model_entry& model) {
    const engine::dialect_descriptor* const found = engine::find_dialect(model.runtime.dialect);
    if (found == nullptr) {
        return core::make_failure(core::errc::invalid,
                                  "model " + model.name + ": profile " + model.runtime.name +
                                      " names the unknown dialect '" + model.runtime.dialect + "'");
    }
    return found;
}

core::result<std::unique_ptr<engine::backend>> make_backend(const supervisor::supervisor_context& supervision,
                                                            const catalog::model_entry& model) {
    const auto dialect = dialect_of(model);
    if (!dialect) {
        return dialect.error();
    }
    return (*dialect)->make(supervision, model);
}

}  // namespace corral::app
