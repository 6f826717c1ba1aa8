// The header in C++.
#include <cmath>
#include <cstdio>
#include <memory>
#include <vector>

#include "test.h"

int main() {
    rectify_activation *handle = nullptr;
    OK(rectify_activation_new("silu", &handle));
    std::unique_ptr<rectify_activation, decltype(&rectify_activation_free)> silu(handle, rectify_activation_free);
    std::vector<double> gate(1000, 1.0), value(1000, 2.0), y(1000);
    OK(rectify_forward_gated_f64(silu.get(), gate.data(), value.data(), y.data(), y.size(), RECTIFY_PARALLEL));
    for (double element : y) {
        CHECK(std::fabs(element - 2 * 0.73105857863000487925) < 1e-15, "it is %.17g", element);
    }
    FAILS(rectify_forward_gated_f64(silu.get(), gate.data(), value.data(), y.data() - 1, 2, RECTIFY_SERIAL + 8),
          RECTIFY_BAD_FLAG, "0x8", "forward_gated");
    std::puts("C++: good");
}
