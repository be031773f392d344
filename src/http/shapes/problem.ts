import { Type } from 'typebox';
import { type ErrorCode, errorCatalogue } from '../../core/errors.ts';
import { oneOf } from './parts.ts';

/** RFC 9457, with the members that the contract adds; `problem.ts` makes it. */
export const problemShape = Type.Object(
  {
    type: Type.String({ description: '`urn:signalbox:error:` and the code.' }),
    title: Type.String(),
    status: Type.Integer(),
    success: Type.Literal(false),
    code: oneOf(Object.keys(errorCatalogue) as ErrorCode[], 'Stable; see docs/reference/errors.md.'),
    detail: Type.String({ description: 'What was seen, what was expected and what to do.' }),
    tracking_id: Type.Optional(Type.String({ format: 'uuid' })),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          path: Type.String({ description: 'A JSON pointer, or the name of a header field.' }),
          message: Type.String(),
        }),
      ),
    ),
  },
  {
    title: 'Problem',
    examples: [
      {
        type: 'urn:signalbox:error:invalid_request',
        title: 'The request is not valid',
        status: 422,
        success: false,
        code: 'invalid_request',
        detail: 'The request is not valid: query is empty; ask something.',
        errors: [{ path: '/query', message: 'is empty; ask something' }],
      },
    ],
  },
);
