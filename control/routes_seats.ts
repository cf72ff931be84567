/**
 * Routes of seats and their mixes. Control worker.
 */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { moveMix, setMix, undoMix } from "./changes.ts";
import type { House } from "./house.ts";
import { checkPatch, clampedMix, freshMix } from "./mix_changes.ts";
import { Refusal } from "./problem.ts";
import { answer, body, type ControlEnv, mayMove, only, ownSeat, problems, withBody } from "./routing.ts";
import { MixCopy, MixPatchBody, MixView, SeatBody, SeatMove, SeatOrder, SeatPatch, SeatView } from "./schemas.ts";
import { changeSeat, copyMix, createSeat, deleteSeat, moveSeat, orderSeats, renewInvite, seatView } from "./seats.ts";

const PATH = "/api/v1/seats/{id}";

function addSeatList(app: OpenAPIHono<ControlEnv>, house: House): void {
  const engineer = only(house, "engineer");
  const all = () => house.state.order.map((id) => seatView(house, id, true));
  app.openapi(
    createRoute({
      method: "get",
      path: "/api/v1/seats",
      summary: "All seats, in their order",
      middleware: [engineer],
      responses: { ...problems(401, 403, 429), 200: answer("Seats", SeatView.array()) },
    }),
    (c) => c.json(all(), 200),
  );
  app.openapi(
    createRoute({
      method: "post",
      path: "/api/v1/seats",
      summary: "Prepare a seat; its invite lets a phone take it",
      middleware: withBody([engineer]),
      request: body(SeatBody),
      responses: { ...problems(400, 401, 403, 409, 413, 415, 429, 503), 201: answer("The seat", SeatView) },
    }),
    async (c) => {
      const id = createSeat(house, c.req.valid("json")), made = seatView(house, id, true);
      await house.store.settle();
      return c.json(made, 201, { location: `/api/v1/seats/${id}` });
    },
  );
  app.openapi(
    createRoute({
      method: "put",
      path: "/api/v1/seats/order",
      summary: "Put the seats in another order: each named once",
      middleware: withBody([engineer]),
      request: body(SeatOrder),
      responses: { ...problems(400, 401, 403, 413, 415, 429), 200: answer("Seats", SeatView.array()) },
    }),
    (c) => {
      orderSeats(house, c.req.valid("json").order);
      return c.json(all(), 200);
    },
  );
}

function addSeat(app: OpenAPIHono<ControlEnv>, house: House): void {
  const engineer = [only(house, "engineer"), ownSeat(house)];
  app.openapi(
    createRoute({
      method: "get",
      path: PATH,
      summary: "One seat",
      middleware: [only(house, "session", "engineer"), ownSeat(house)],
      responses: { ...problems(401, 403, 404, 429), 200: answer("The seat", SeatView) },
    }),
    (c) => c.json(seatView(house, c.var.seat, c.var.caller.kind === "engineer"), 200),
  );
  app.openapi(
    createRoute({
      method: "patch",
      path: PATH,
      summary: "Change its name, colour, channels, lock, recall safety, limit",
      middleware: withBody(engineer),
      request: body(SeatPatch),
      responses: { ...problems(400, 401, 403, 404, 409, 413, 415, 429), 200: answer("The seat", SeatView) },
    }),
    async (c) => {
      await changeSeat(house, c.var.seat, c.req.valid("json"));
      return c.json(seatView(house, c.var.seat, true), 200);
    },
  );
  app.openapi(
    createRoute({
      method: "delete",
      path: PATH,
      summary: "Remove it with its mix; its session ends",
      middleware: engineer,
      responses: { ...problems(401, 403, 404, 429), 204: { description: "Removed" } },
    }),
    async (c) => {
      await deleteSeat(house, c.var.seat);
      await house.store.settle();
      return c.body(null, 204);
    },
  );
  app.openapi(
    createRoute({
      method: "post",
      path: `${PATH}/invite`,
      summary: "A new invite; the old one dies",
      middleware: engineer,
      responses: { ...problems(401, 403, 404, 429), 200: answer("The seat", SeatView) },
    }),
    async (c) => {
      renewInvite(house, c.var.seat);
      const renewed = seatView(house, c.var.seat, true);
      await house.store.settle();
      return c.json(renewed, 200);
    },
  );
  app.openapi(
    createRoute({
      method: "post",
      path: `${PATH}/move`,
      summary: "This session's phone plays this seat from now on; who sat here gets the phone's former seat",
      middleware: withBody(engineer),
      request: body(SeatMove),
      responses: { ...problems(400, 401, 403, 404, 409, 413, 415, 429), 200: answer("The seat", SeatView) },
    }),
    async (c) => {
      const { session } = c.req.valid("json"), moved = house.sessions.get(session);
      if (moved === undefined) throw new Refusal(409, `there is no session ${JSON.stringify(session)}`);
      await moveSeat(house, c.var.seat, moved);
      await house.store.settle();
      return c.json(seatView(house, c.var.seat, true), 200);
    },
  );
}

function addMix(app: OpenAPIHono<ControlEnv>, house: House): void {
  const own = [only(house, "session", "engineer"), ownSeat(house)];
  const view = (id: string) => seatView(house, id, false).mix;
  app.openapi(
    createRoute({
      method: "get",
      path: `${PATH}/mix`,
      summary: "The whole mix",
      middleware: own,
      responses: { ...problems(401, 403, 404, 429), 200: answer("The mix", MixView) },
    }),
    (c) => c.json(view(c.var.seat), 200),
  );
  app.openapi(
    createRoute({
      method: "patch",
      path: `${PATH}/mix`,
      summary: "Change what is named, keep the rest; null is back to the default",
      middleware: withBody(own),
      request: body(MixPatchBody),
      responses: { ...problems(400, 401, 403, 404, 409, 413, 415, 423, 429), 200: answer("The whole mix", MixView) },
    }),
    (c) => {
      const { seat, caller } = c.var, patch = c.req.valid("json");
      mayMove(house, caller, seat);
      checkPatch(house.state, house.state.seats[seat], patch, house.inputs);
      moveMix(house, seat, patch);
      return c.json(view(seat), 200);
    },
  );
  app.openapi(
    createRoute({
      method: "post",
      path: `${PATH}/mix/undo`,
      summary: "Take the last change back; the last 20 are kept",
      middleware: own,
      responses: { ...problems(401, 403, 404, 409, 423, 429), 200: answer("The whole mix", MixView) },
    }),
    (c) => {
      mayMove(house, c.var.caller, c.var.seat);
      undoMix(house, c.var.seat);
      return c.json(view(c.var.seat), 200);
    },
  );
  app.openapi(
    createRoute({
      method: "post",
      path: `${PATH}/mix/reset`,
      summary: "Back to a fresh mix",
      middleware: own,
      responses: { ...problems(401, 403, 404, 423, 429), 200: answer("The whole mix", MixView) },
    }),
    (c) => {
      const { seat, caller } = c.var;
      mayMove(house, caller, seat);
      setMix(house, seat, clampedMix(freshMix(house.state), house.state.seats[seat].maxGainDb));
      return c.json(view(seat), 200);
    },
  );
  app.openapi(
    createRoute({
      method: "post",
      path: `${PATH}/mix/copy`,
      summary: "Copy this mix to other seats",
      middleware: withBody([only(house, "engineer"), ownSeat(house)]),
      request: body(MixCopy),
      responses: {
        ...problems(400, 401, 403, 404, 409, 413, 415, 429),
        204: { description: "Copied" },
      },
    }),
    (c) => {
      copyMix(house, c.var.seat, c.req.valid("json").to);
      return c.body(null, 204);
    },
  );
}

export function addSeatRoutes(app: OpenAPIHono<ControlEnv>, house: House): void {
  addSeatList(app, house);
  addSeat(app, house);
  addMix(app, house);
}
