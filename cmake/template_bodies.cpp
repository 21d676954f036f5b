// The instantiations that corral_precompiled.hpp keeps out of all other units.
#define CORRAL_TEMPLATE template
#include "common_templates.hpp"
