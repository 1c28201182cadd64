"""A simulated company: customers' lives come in as a plan, messages for the input topics go out, and the truth beside them.

    simulation = Simulation(Plan(start_us=…, scenario="outage"))
    for happening in simulation: …      # in order of arrival: at_us, arrival_us, topic, key, record or raw
        lines = list(simulation.truth())  # now and then, and at the end

It shares nothing with the detector but the schemas: no code, no constants. Time and chance come from the plan alone.
"""

from streams.simulate.faults import Happening
from streams.simulate.plan import Plan
from streams.simulate.simulation import Simulation
from streams.simulate.staff import Staff

__all__ = ["Happening", "Plan", "Simulation", "Staff"]
